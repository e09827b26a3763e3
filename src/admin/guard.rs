//! Who may see what the admin listener knows, and who may change something.
//!
//! Where operators are configured, or the CA of their certificates, everybody has to show who he is, but
//! for the two questions of load balancers. Otherwise the listener is on loopback, and whoever is on this
//! machine may, but no page of a browser that came under a foreign name (DNS rebinding) or from another
//! origin (CSRF): what changes something is told by a form of our own page, which has a token, or by a
//! program, which names no origin.

use std::{
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{constant_time, rand};
use http::{
    HeaderMap, Request,
    header::{HOST, HeaderName, ORIGIN},
    uri::Authority,
};

use tokio::time::Instant;

use crate::{
    config::{Admin, ClientName},
    gateway::one_of,
    net::Peer,
};

/// Browsers say with it where a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Wrong passwords are told at most so often.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Tells whoever reads the log that somebody tries passwords, and not each time.
#[derive(Default)]
pub(super) struct FailedLogins(Mutex<(u64, Option<Instant>)>);

impl FailedLogins {
    /// One more, from there.
    pub(super) fn note(&self, from: IpAddr) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told) = &mut *state;
        *count += 1;
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            tracing::warn!(
                logins = *count,
                %from,
                "logins to the admin listener fail: {count} since the last such line, the last one from {from}; \
                 compare with admin.operators"
            );
            (*count, *told) = (0, Some(Instant::now()));
        }
    }
}

/// Who asks, as far as he has to show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    /// Has shown it, by a password or a certificate.
    Known,
    /// Nobody has to.
    Anybody,
    /// Has not, and would have to.
    Stranger,
}

impl Who {
    /// Who asks, by what the configuration in force wants to know.
    pub(super) fn of(config: &Admin, headers: &HeaderMap, peer: &Peer) -> Self {
        if !config.wants_to_know_who() {
            return Self::Anybody;
        }
        let by_certificate = peer.certificate().is_some();
        if by_certificate || one_of(&config.operators, headers).is_some() {
            Self::Known
        } else {
            Self::Stranger
        }
    }
}

/// Who does something, for the log: an operator by his name, and from where.
pub(super) struct By {
    operator: Option<ClientName>,
    has_certificate: bool,
    from: IpAddr,
}

impl By {
    /// Who asks.
    pub(super) fn of(config: &Admin, headers: &HeaderMap, peer: &Peer) -> Self {
        Self {
            operator: one_of(&config.operators, headers).cloned(),
            has_certificate: peer.certificate().is_some(),
            from: peer.address.ip(),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.operator, self.has_certificate) {
            (Some(name), _) => write!(f, "{} ({})", name.as_str(), self.from),
            (None, true) => write!(f, "somebody with a certificate ({})", self.from),
            (None, false) => write!(f, "{}", self.from),
        }
    }
}

/// What a form of our own page has and nobody else knows.
pub(super) struct Token(String);

impl Token {
    /// A new one for this process; `None`: the machine has no randomness, and no form is accepted.
    pub(super) fn new() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, given: &str) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), given.as_bytes()).is_ok()
    }
}

/// The name and port under which somebody asks. HTTP/2 has them beside the headers.
fn asked_as<B>(request: &Request<B>) -> Option<&str> {
    let host = || request.headers().get(HOST)?.to_str().ok();
    request.uri().authority().map(Authority::as_str).or_else(host)
}

/// The name under which somebody asks is one of this machine's, not one that a stranger chose.
pub(super) fn names_this_machine<B>(request: &Request<B>) -> bool {
    let Some(host) = asked_as(request) else {
        // HTTP/1.0 needs no Host; browsers do not speak it.
        return !request.headers().contains_key(HOST);
    };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// May see something, as far as the browser says from where it is asked: a page of another site may lead
/// here, as a dashboard does with a link, and may not fetch anything or show it inside itself. It could not
/// read what it fetched, but could tell by size and time what it was.
pub(super) fn may_see<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let says = |name: &str, value: &str| {
        let mut all = headers.get_all(name).iter();
        all.next().is_some_and(|first| first == value) && all.next().is_none()
    };
    !headers.contains_key(FETCH_SITE)
        || says("sec-fetch-site", "same-origin")
        // Typed, or opened from a bookmark.
        || says("sec-fetch-site", "none")
        || (says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document"))
}

/// May change something: a program, or a form of our own page. Where nobody has to show who he is, only
/// this machine may.
pub(super) fn may_change<B>(
    request: &Request<B>,
    peer: &Peer,
    who: Who,
    token: Option<&Token>,
    given: Option<&str>,
) -> bool {
    let may = match who {
        Who::Known => true,
        Who::Anybody => peer.address.ip().is_loopback(),
        Who::Stranger => false,
    };
    if !may {
        return false;
    }
    let headers = request.headers();
    if !headers.contains_key(ORIGIN) && !headers.contains_key(FETCH_SITE) {
        return true;
    }
    let is_ours = token.zip(given).is_some_and(|(token, given)| token.is(given));
    is_ours && is_same_origin(request)
}

/// The page that asks is one of ours.
fn is_same_origin<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    // Of two, nobody knows which one counts for whoever stands in between.
    let is_doubled = |name| headers.get_all(name).iter().count() > 1;
    if is_doubled(FETCH_SITE) || is_doubled(ORIGIN) {
        return false;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let site_fits = match text(FETCH_SITE) {
        None => !headers.contains_key(FETCH_SITE),
        Some(site) => site == "same-origin",
    };
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    let origin_fits = match (origin, asked_as(request)) {
        (Some((scheme, authority)), Some(host)) => {
            matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
        }
        (None, _) => !headers.contains_key(ORIGIN),
        (Some(_), None) => false,
    };
    site_fits && origin_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::direct(address.parse().unwrap(), None)
    }

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::post("/reload").header("host", "127.0.0.1:9464");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn only_a_program_here_or_our_own_page_with_its_token_changes_something() {
        let token = Token::new().unwrap();
        let ours = token.as_str().to_owned();
        let (here, there) = (peer("127.0.0.1:5000"), peer("192.0.2.7:5000"));
        let same = ("origin", "http://127.0.0.1:9464");
        let right = Some(ours.as_str());
        let of_old = "0".repeat(64);
        let table = [
            (&[][..], &here, Who::Anybody, None, true),
            (&[][..], &there, Who::Anybody, None, false),
            (&[][..], &there, Who::Known, None, true),
            (&[same][..], &here, Who::Anybody, right, true),
            (&[same][..], &here, Who::Anybody, None, false),
            (&[same][..], &here, Who::Anybody, Some(&*of_old), false),
            (&[same][..], &here, Who::Anybody, Some(""), false),
            (&[same][..], &there, Who::Anybody, right, false),
            (&[same][..], &there, Who::Known, right, true),
            (&[("origin", "http://evil.example")][..], &here, Who::Anybody, right, false),
            (&[("origin", "http://127.0.0.1:9465")][..], &here, Who::Anybody, right, false),
            (&[("origin", "null")][..], &here, Who::Anybody, right, false),
            (&[same, ("origin", "http://evil.example")][..], &here, Who::Anybody, right, false),
            (&[same, same][..], &here, Who::Known, right, false),
            (
                &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")][..],
                &here,
                Who::Anybody,
                right,
                false,
            ),
            (&[same, ("sec-fetch-site", "same-origin")][..], &here, Who::Anybody, right, true),
            (&[same, ("sec-fetch-site", "cross-site")][..], &here, Who::Anybody, right, false),
            (&[("sec-fetch-site", "none")][..], &here, Who::Anybody, right, false),
            (&[("sec-fetch-site", "same-origin")][..], &here, Who::Anybody, right, true),
        ];
        for (headers, peer, who, given, expected) in table {
            let may = may_change(&request(headers), peer, who, Some(&token), given);
            assert_eq!(may, expected, "{headers:?} {peer:?} {who:?} {given:?}");
        }
        assert!(!may_change(&request(&[same]), &here, Who::Anybody, None, right));
    }

    #[test]
    fn a_page_of_another_site_may_lead_here_and_fetches_nothing() {
        let (mode, dest) = ("sec-fetch-mode", "sec-fetch-dest");
        let link = [(mode, "navigate"), (dest, "document")];
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            let site = ("sec-fetch-site", site);
            for (more, expected) in [
                (&link[..], true),
                (&[][..], false),
                (&[(mode, "no-cors"), (dest, "script")][..], false),
                (&[(mode, "cors"), (dest, "empty")][..], false),
                (&[(mode, "navigate"), (dest, "iframe")][..], false),
                (&[(mode, "navigate"), (mode, "cors"), (dest, "document")][..], false),
            ] {
                let headers: Vec<_> = [site].iter().chain(more).copied().collect();
                assert_eq!(may_see(&request(&headers)), expected, "{headers:?}");
            }
        }
        let fetched = [(mode, "cors"), (dest, "empty")];
        for site in ["same-origin", "none"] {
            let headers: Vec<_> = [("sec-fetch-site", site)].into_iter().chain(fetched).collect();
            assert!(may_see(&request(&headers)));
        }
        let doubled = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")];
        assert!(!may_see(&request(&doubled)));
        // A program.
        assert!(may_see(&request(&[])));
    }

    #[test]
    fn over_http_2_the_name_is_beside_the_headers_and_counts_as_well() {
        let token = Token::new().unwrap();
        let there = peer("192.0.2.7:5000");
        for (asked, expected) in
            [("https://gateway.example/reload", true), ("https://other.example/reload", false)]
        {
            let request = Request::post(asked)
                .header("origin", "https://gateway.example")
                .header("sec-fetch-site", "same-origin")
                .body(())
                .unwrap();
            let right = Some(token.as_str());
            assert_eq!(may_change(&request, &there, Who::Known, Some(&token), right), expected);
            assert!(!names_this_machine(&request));
        }
    }

    #[test]
    fn a_name_that_a_stranger_may_have_chosen_is_none_of_this_machine() {
        for (host, expected) in [
            ("127.0.0.1:9464", true),
            ("localhost:9464", true),
            ("LOCALHOST", true),
            ("[::1]:9464", true),
            ("192.0.2.7", true),
            ("rebound.example", false),
            ("localhost.evil.example", false),
        ] {
            let request = Request::get("/").header("host", host).body(()).unwrap();
            assert_eq!(names_this_machine(&request), expected, "{host}");
        }
    }
}
