//! What can go wrong with a SAP, on request.

use std::str::FromStr;

/// A way not to answer properly.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// 401, whatever the credentials.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 200 and a login page.
    Html,
    /// 302 to a login page.
    Redirect,
    /// 500 with an OData error.
    Status500,
    /// 429 with `Retry-After: 30`.
    Status429,
    /// 503 with the maintenance page.
    Status503Html,
    /// Takes the request and says nothing.
    Hang,
    /// Sends a proper answer, a byte every 100 ms.
    SlowDrip,
    /// Closes in the middle of the body.
    Cut,
    /// Resets the connection instead of answering.
    Reset,
    /// `application/json` that is not.
    NotJson,
    /// JSON that ends too early, with a proper length.
    TruncatedJson,
    /// An empty list, also for partners that are known.
    EmptyRows,
    /// The record of another partner.
    WrongRecord,
    /// The record twice.
    TwoRecords,
    /// The record without country and sales data.
    PathMissing,
    /// A body of 4 MiB, without saying so before.
    Oversized,
    /// A proper answer, and straight after it another partner's that nobody asked for.
    ExtraResponse,
    /// 200 and an Atom feed.
    Xml,
    /// 200 and an OData error.
    ODataError200,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::Html,
        Self::Redirect,
        Self::Status500,
        Self::Status429,
        Self::Status503Html,
        Self::Hang,
        Self::SlowDrip,
        Self::Cut,
        Self::Reset,
        Self::NotJson,
        Self::TruncatedJson,
        Self::EmptyRows,
        Self::WrongRecord,
        Self::TwoRecords,
        Self::PathMissing,
        Self::Oversized,
        Self::ExtraResponse,
        Self::Xml,
        Self::ODataError200,
    ];

    /// The word for it on the command line and in `PUT /_sim/fault?kind=`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Html => "html",
            Self::Redirect => "redirect",
            Self::Status500 => "status_500",
            Self::Status429 => "status_429",
            Self::Status503Html => "status_503_html",
            Self::Hang => "hang",
            Self::SlowDrip => "slow_drip",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::NotJson => "not_json",
            Self::TruncatedJson => "truncated_json",
            Self::EmptyRows => "empty_rows",
            Self::WrongRecord => "wrong_record",
            Self::TwoRecords => "two_records",
            Self::PathMissing => "path_missing",
            Self::Oversized => "oversized",
            Self::ExtraResponse => "extra_response",
            Self::Xml => "xml",
            Self::ODataError200 => "odata_error_200",
        }
    }
}

/// There is no such fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is no fault; there are {}", Fault::ALL.map(Fault::label).join(", "))]
pub struct UnknownFault;

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::ALL.into_iter().find(|fault| fault.label() == text).ok_or(UnknownFault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_label() {
        for fault in Fault::ALL {
            assert_eq!(fault.label().parse(), Ok(fault));
        }
        assert!(UnknownFault.to_string().contains("hang, slow_drip"));
        assert_eq!("HANG".parse::<Fault>(), Err(UnknownFault));
    }
}
