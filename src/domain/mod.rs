//! Words and rules: what is asked, what SAP knows, what may be dialled.
//!
//! Nothing here does I/O, reads a clock, awaits or knows a file format. Text from outside becomes a
//! type at the edge, and the type's constructor is the only place that knows its rules.

mod countries;
mod decision;
mod facts;
mod id_form;
mod id_span;
mod numbers;
mod partner;
mod plan;
mod ranges;
mod reason;
mod refusal;
mod rule;
mod rules;
mod words;

pub use decision::{
    CallerId, Decided, Decision, Dial, Difference, decide, decide_again, decide_without_sap,
    deciders, rule_by_rule,
};
pub use facts::Facts;
pub use id_form::IdForm;
pub use id_span::{IdSpan, IdSpanError};
pub use numbers::{
    BareNumbers, DialledNumber, DialledNumberError, Home, HomeError, NumberFacts, Ringing,
    ServiceNumber, ServiceNumberError,
};
pub use partner::{
    Ambiguity, BusinessPartner, ContractNumber, CountryCode, CountryCodeError, DistributionChannel,
    DistributionChannelError, Lookup, PartnerId, PartnerIdError,
};
pub use plan::PlanFault;
pub use ranges::{NumberRangeError, NumberRanges};
pub use reason::{Reason, Source};
pub use refusal::{Refusal, ValueTest};
pub use rule::{Part, Rule};
pub use rules::{
    CallerIdFit, DefaultPair, DuplicateContract, NeverDialled, Rules, ServiceNumbers, Unavailable,
    Unmatched,
};
pub(crate) use words::words;
