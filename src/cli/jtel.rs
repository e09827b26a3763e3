//! `dialgate jtel`: the lines for the fields of the jtel portal, ready to be pasted.

use clap::Args;

use super::{ConfigFile, Failure, output::print};
use crate::{
    app,
    config::{Config, Environment},
    net::tls::server_config,
};

#[derive(Args, Debug)]
pub(super) struct Jtel {
    #[command(flatten)]
    file: ConfigFile,
    /// Host (and port) under which jtel reaches dialgate, e.g. `gateway.example:8443`. Without it, the
    /// first name in the certificate and the port of listen.address.
    #[arg(long)]
    host: Option<String>,
}

impl Jtel {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.file.config, &Environment::process())?;
        let host = match self.host {
            Some(host) => host,
            None => host_of(&config)?,
        };
        print(&text(&config, &host))
    }
}

/// The first name of the certificate that a client can connect to.
fn host_of(config: &Config) -> Result<String, anyhow::Error> {
    let unknown = || anyhow::anyhow!("the host is not known; name it with --host");
    let tls = config.listen.tls.as_ref().ok_or_else(unknown)?;
    let facts = server_config(tls)?.certificate;
    let is_name = |name: &&String| !name.contains('*') && name.parse::<std::net::IpAddr>().is_err();
    let name = facts.san.iter().find(is_name).or(facts.san.first()).ok_or_else(unknown)?;
    Ok(match config.listen.address.port() {
        443 => name.clone(),
        port => format!("{name}:{port}"),
    })
}

fn text(config: &Config, host: &str) -> String {
    let token = if config.anybody_may_ask {
        "anything; dialgate does not ask for it (anybody_may_ask)".to_owned()
    } else {
        let names: Vec<_> = config.clients.iter().map(|client| client.name.as_str()).collect();
        format!(
            "the token that `dialgate secret new {}` printed",
            names.first().copied().unwrap_or("jtel")
        )
    };
    let own = format!(
        "\
In the jtel portal, Client Master Data, SAP Settings:

Authorization Token
  {token}

REST URL
  https://{host}{path}

REST Parameters
  SAPBusinessPartnerID=$SAPBusinessPartnerID
  SAPPhoneNumber=$SAPPhoneNumber

JSON Result
  distributionChannelCodeText=distributionChannelCodeText
  countryCode=countryCode

jtel REST API onClickToDial active
  checked
",
        path = config.listen.path,
    );
    let lead = if config.listen.drop_in {
        "Or, because listen.drop_in is true, leave a jtel that asks Cloud for Customer as it is and change only\nthe host."
    } else {
        "Or leave a jtel that asks Cloud for Customer as it is and change only the host; set listen.drop_in: true\nfor that, until then dialgate refuses these questions."
    };
    let drop_in = format!(
            "
{lead} It does not tell the telephone number, so that rules about it cannot be kept:

REST URL
  https://{host}/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection

REST Parameters
  $filter=CustomerID eq '$SAPBusinessPartnerID'
  $expand=IndividualCustomerSalesData

JSON Result
  distributionChannelCodeText=d.results[0].IndividualCustomerSalesData[0].DistributionChannelCodeText
  countryCode=d.results[0].CountryCode
"
    );
    own + &drop_in + &of_callers(config, host)
}

/// For the IVR object of jtel that asks who calls.
fn of_callers(config: &Config, host: &str) -> String {
    let Some(asked) = &config.listen.caller_information else { return String::new() };
    format!(
        "
For the IVR object SAP getCallerInformation, with the same Authorization Token:

REST URL
  https://{host}{}

REST Parameters, one of
  {}=the caller's number, E.164 without +
  {}=the customer's ID

Read as $SAP.customerID, $SAP.distributionChannelCodeText, $SAP.countryCode, $SAP.contractNumber,
$SAP.serviceNumber and $SAP.blocked. jtel's documentation names neither its variables for the two values nor
its fields for them: look into its call log.
",
        asked.path, asked.caller_number, asked.customer_id
    )
}
