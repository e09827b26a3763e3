//! A dialect of the configuration's own: it compiles or has problems, and what compiles asks in the form that was
//! written and reads any answer.

use std::{path::Path, sync::LazyLock};

use dialgate::{
    config::{Config, Dialect, EXAMPLE, Environment, Sap, edit, parse},
    domain::{DistributionChannel, PartnerId},
    sap::{Compiled, DialectProblem, Sought, compile},
};

use super::odata::{ID, PHONE, keeps_its_form};

/// The shipped file with what an operator has to fill in.
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let hash = format!("[\"sha256:{}\"]", "9f".repeat(32));
    let text = edit(EXAMPLE, &[("clients[0].secrets", hash)]).unwrap();
    let environment = Environment::of([("SAP_PASSWORD", "simulated")]);
    parse(&text, "config.yaml", Path::new("/nowhere"), &environment, |_, _| {}).unwrap()
});

/// The requests of a preset.
pub fn of_preset(name: &str) -> Result<Compiled, Vec<DialectProblem>> {
    let mut sap = Sap { preset: name.to_owned(), ..CONFIG.systems.first().clone() };
    // S/4HANA has codes of channels only.
    if name.starts_with("s4-") {
        let direct = DistributionChannel::parse("Direct sales").unwrap();
        sap.channel_texts.insert("10".to_owned(), direct);
    }
    compile(&sap)
}

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The dialect as JSON on the first line, as `serde` reads it from config.yaml; behind it an answer.
    let (dialect, answer) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(custom) = serde_json::from_str::<Dialect>(dialect) else { return };
    let sap =
        Sap { preset: "custom".to_owned(), custom: Some(custom), ..CONFIG.systems.first().clone() };
    let compiled = match compile(&sap) {
        Ok(compiled) => compiled,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            return;
        }
    };
    let id = PartnerId::parse("1001910").unwrap();
    for step in &compiled.steps {
        // What has the marks of the check in itself cannot be told apart from values.
        if !dialect.contains(ID) && !dialect.contains(PHONE) {
            keeps_its_form(step, "1001910", "498912345678");
            keeps_its_form(step, "' or 1 eq 1 &$top=9#", "*/?ü");
        }
        let _read = step.reader.body(Sought { id, phone: Some("498912345678") }, answer.as_bytes());
    }
}
