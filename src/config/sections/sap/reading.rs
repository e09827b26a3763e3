//! From `sap:` as it was written to a SAP that can be asked.

use std::{net::IpAddr, time::Duration};

use http::Uri;

use super::{Dialect, Login, LoginFile, Sap, SapFile, SystemName, UsedMarks, pins};
use crate::config::document::{findings::shown, resolve::Reading};

/// The shortest and the longest time limit that makes sense towards SAP.
const TIME: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_mins(1);

/// Stands in the place of a URL that could not be read.
const NOWHERE: &str = "https://sap.invalid";

/// The section as far as it could be read.
pub(in crate::config) struct AsRead {
    /// With something harmless in the places of what could not.
    pub(in crate::config) sap: Sap,
    /// There is no such place.
    pub(in crate::config) is_whole: bool,
}

impl SapFile {
    pub(in crate::config) fn resolve(
        &self,
        custom: Option<Dialect>,
        reading: &mut Reading<'_>,
    ) -> AsRead {
        let url = self.url(reading);
        let language = self.language(reading);
        let has_ca_file = self.ca_file.is_some();
        let pins = pins::resolve("sap", &self.pinned_certificates, has_ca_file, reading);
        let login = self.login.resolve(reading);
        let proxy = self.proxy(reading);
        let second_url = self.second_url(url.as_ref(), reading);
        let server_name = self.server_name(reading);
        self.secrecy(url.as_ref(), reading);
        let connect_timeout = reading.duration("sap.connect_timeout", &self.connect_timeout, TIME);
        let total_timeout = reading.duration("sap.total_timeout", &self.total_timeout, TIME);
        if let (Some(connect), Some(total)) = (connect_timeout, total_timeout)
            && connect > total
        {
            let told = format!("`{}` is longer than sap.total_timeout", self.connect_timeout.0);
            reading.at("sap.connect_timeout", told);
        }
        let bounds = Duration::from_millis(100)..=Duration::from_hours(1);
        let idle_timeout = reading.duration("sap.idle_timeout", &self.idle_timeout, bounds.clone());
        let probe_interval = reading.duration("sap.probe_interval", &self.probe_interval, bounds);
        let max_age = Duration::from_millis(100)..=Duration::from_hours(24);
        let max_age = reading.duration("sap.max_age", &self.max_age, max_age);
        let breaker = self.breaker.resolve(probe_interval, reading);
        let max_answer = reading.size("sap.max_answer", &self.max_answer, 1024..=64 * 1024 * 1024);
        self.client(reading);
        let channel_texts = self.channel_texts(reading);
        let country_codes = self.country_codes(reading);
        let ca_file = self.ca_file.as_deref().map(|path| reading.path(path));
        let is_whole = [
            url.is_some(),
            language.is_some(),
            login.is_some(),
            server_name.is_ok() && proxy.is_ok() && second_url.is_ok(),
            connect_timeout.is_some() && total_timeout.is_some() && idle_timeout.is_some(),
            max_age.is_some() && max_answer.is_some() && probe_interval.is_some(),
            breaker.is_some(),
        ];
        let sap = Sap {
            name: SystemName::default(),
            url: url.unwrap_or_else(|| Uri::from_static(NOWHERE)),
            preset: self.preset.clone(),
            custom,
            language: language.unwrap_or_else(|| "EN".to_owned()),
            login: login.unwrap_or(Login::None),
            ca_file,
            pinned_certificates: pins,
            server_name: server_name.ok().flatten(),
            proxy: proxy.ok().flatten(),
            second_url: second_url.ok().flatten(),
            connect_timeout: connect_timeout.unwrap_or_default(),
            total_timeout: total_timeout.unwrap_or_default(),
            idle_timeout: idle_timeout.unwrap_or_default(),
            max_age: max_age.unwrap_or_default(),
            max_in_flight: self.max_in_flight,
            max_answer_bytes: max_answer.unwrap_or_default(),
            client: self.client.clone(),
            id_form: self.id_form.into(),
            try_other_id_form: self.try_other_id_form,
            sales_area: self.sales_area.clone(),
            address: self.address.clone(),
            channel_texts,
            country_codes,
            probe_interval: probe_interval.unwrap_or_default(),
            breaker: breaker.unwrap_or_default(),
            daily_requests: self.daily_requests,
            daily_reserve_percent: self.daily_reserve,
            rule_paths: Vec::new(),
            used_marks: UsedMarks::default(),
        };
        AsRead { sap, is_whole: is_whole.into_iter().all(|is_read| is_read) }
    }

    /// The dialect of `preset: custom`.
    pub(in crate::config) fn custom(&self, reading: &mut Reading<'_>) -> Option<Dialect> {
        match (&self.custom, self.preset == "custom") {
            (None, true) => {
                reading.at("sap.custom", "is missing, but sap.preset says `custom`");
                None
            }
            (Some(_), false) => {
                let told = format!(
                    "is not used, because sap.preset says `{}`; write `preset: custom` or remove it",
                    shown(&self.preset)
                );
                reading.at("sap.custom", told);
                None
            }
            (Some(custom), true) if reading.spare("sap.custom") => {
                let dialect = serde_json::from_value(custom.clone());
                dialect.map_err(|error| reading.at("sap.custom", error.to_string())).ok()
            }
            _ => None,
        }
    }

    /// A login goes over TLS only.
    fn secrecy(&self, url: Option<&Uri>, reading: &mut Reading<'_>) {
        let is_open = |url: &Uri| url.scheme_str() == Some("http") && !is_loopback(url);
        if !matches!(self.login, LoginFile::None) && url.is_some_and(is_open) {
            reading.at("sap.url", "would carry the login in plain text; write `https://`");
        }
    }

    fn url(&self, reading: &mut Reading<'_>) -> Option<Uri> {
        sound_url("sap.url", self.url.as_deref()?, reading)
    }

    fn language(&self, reading: &mut Reading<'_>) -> Option<String> {
        let is_code =
            self.language.len() == 2 && self.language.bytes().all(|c| c.is_ascii_uppercase());
        if !is_code {
            let told = shown(&self.language);
            reading.at(
                "sap.language",
                format!("`{told}` is not a language code such as `EN` or `DE`"),
            );
        }
        is_code.then(|| self.language.clone())
    }
}

pub(in crate::config) fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Repeats nothing of the text: it may carry a password.
pub(super) fn sound_url(key: &str, text: &str, reading: &mut Reading<'_>) -> Option<Uri> {
    let wrong = match text.parse::<Uri>() {
        Err(_) => "is not a URL; write for example `https://my300000.crm.ondemand.com`",
        Ok(url) if !matches!(url.scheme_str(), Some("https" | "http")) => {
            "does not begin with `https://` (or `http://`)"
        }
        Ok(url) if url.host().is_none_or(str::is_empty) => "names no host",
        Ok(_) if text.contains('@') => "carries a user or password; they belong into sap.login",
        Ok(_) if text.contains(['?', '#']) => {
            "goes on after the path; what is asked follows from sap.preset"
        }
        Ok(url) => return Some(url),
    };
    reading.at(key, wrong);
    None
}
