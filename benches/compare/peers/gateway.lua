-- dialgate's job in nginx + Lua: look the partner up, remember, map, answer. No authentication, rules, records, metrics,
-- and nothing for a SAP that is not well.
local cjson = require "cjson.safe"
local M = {}
local lookups = ngx.shared.lookups
local locks = ngx.shared.locks
local channels = { "Direktvertrieb", "Fachhandel", "Grosshandel", "Online", "Partner" }
local countries = { "DE", "AT", "CH", "FR", "IT", "NL", "BE", "LU" }
local services, n = {}, 0
for _, c in ipairs(channels) do
  for _, l in ipairs(countries) do
    services[c .. l] = string.format("498912345%03d", n)
    n = n + 1
  end
end

local function fetch(id)
  local res = ngx.location.capture("/_sap", { args = { id = id } })
  if not res or res.status ~= 200 then return nil, res and res.status or 502 end
  local doc = cjson.decode(res.body)
  local rec = doc and doc.d and doc.d.results and doc.d.results[1]
  if not rec then return nil, 404 end
  local sales = rec.IndividualCustomerSalesData and rec.IndividualCustomerSalesData[1]
  local channel, country = sales and sales.DistributionChannelCodeText, rec.CountryCode
  if not channel or not country then return nil, 404 end
  local contract = channel .. country
  -- everything of the answer but the phone number is known now: keep it ready made
  return '","countryCode":"' .. country .. '","distributionChannelCodeText":"' .. channel ..
    '","contractNumber":"' .. contract .. '","serviceNumber":"' .. (services[contract] or "") .. '"}'
end

local function answer(id, phone, tail)
  local body = '{"result":"ok","SAPBusinessPartnerID":"' .. id .. '","SAPPhoneNumber":"' .. phone .. tail
  local h = ngx.header
  h.content_type = "application/json"
  h.content_length = #body
  ngx.print(body)
end

local function fail(status)
  ngx.status = status
  ngx.print('{"result":"error"}')
end

function M.dial()
  local var = ngx.var
  local id, phone = var.arg_SAPBusinessPartnerID, var.arg_SAPPhoneNumber
  if not id or not phone or #id > 20 or not id:find("^%d+$") or #phone > 20 or not phone:find("^%d+$") then return fail(400) end
  local tail = lookups:get(id)
  if not tail then
    -- one fetch for one id: the others wait for the lock to go
    local waited = 0
    while not locks:add(id, true, 5) do
      ngx.sleep(0.005)
      waited = waited + 0.005
      tail = lookups:get(id)
      if tail or waited > 5 then break end
    end
    if not tail then
      local err
      tail, err = fetch(id)
      if tail then lookups:set(id, tail, 3600) end
      locks:delete(id)
      if not tail then return fail(err == 404 and 404 or 502) end
    end
  end
  return answer(id, phone, tail)
end

function M.dial_nocache()
  local var = ngx.var
  local id, phone = var.arg_SAPBusinessPartnerID, var.arg_SAPPhoneNumber
  if not id or not phone or not id:find("^%d+$") or not phone:find("^%d+$") then return fail(400) end
  local tail, err = fetch(id)
  if not tail then return fail(err == 404 and 404 or 502) end
  return answer(id, phone, tail)
end

return M
