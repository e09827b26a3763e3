//! `dialgate secret new`: a password for a client or an operator, in the forms it is needed in.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use clap::Subcommand;

use super::{Failure, output::print};
use crate::config::{ClientName, Secret, SecretHash};

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Make a password for a client, or for an operator of the admin listener; print it, the token for jtel
    /// and the hash for config.yaml.
    ///
    /// The password is nowhere but in what is printed. A client may have two hashes, so that a new
    /// password is valid before the old one is taken away.
    New {
        /// The name, which is also its user name: 1 to 32 of a-z, 0-9 and -.
        #[arg(value_parser = ClientName::parse)]
        client: ClientName,
        /// For somebody who looks at the status page, or for Prometheus: an entry of admin.operators.
        #[arg(long)]
        operator: bool,
        /// A bearer key for a client, instead of a password: for programs that send
        /// `Authorization: Bearer …`.
        #[arg(long, conflicts_with = "operator")]
        key: bool,
        /// As one line of JSON.
        #[arg(long)]
        json: bool,
    },
}

impl SecretCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self::New { client, operator, key, json } = self;
        let secret = NewSecret::make(client.as_str())?;
        if json && key {
            return print(&format!(
                "{}\n",
                serde_json::json!({
                    "client": client.as_str(),
                    "key": secret.password.expose(),
                    "hash": secret.hash.to_string(),
                })
            ));
        }
        if json {
            return print(&format!(
                "{}\n",
                serde_json::json!({
                    "user": client.as_str(),
                    "password": secret.password.expose(),
                    "token": secret.token.expose(),
                    "hash": secret.hash.to_string(),
                })
            ));
        }
        if key {
            return print(&format!(
                "Key  {0}\n\
                 \n\
                 The client sends it with each request:  Authorization: Bearer {0}\n\
                 The hash goes into config.yaml; a second one may stand beside it while you rotate:\n\
                 \n\
                 clients:\n  \
                   - name: {1}\n    \
                     keys: [\"{2}\"]\n",
                secret.password.expose(),
                client.as_str(),
                secret.hash,
            ));
        }
        if operator {
            return print(&format!(
                "Password  {0}\n\
                 \n\
                 The password is for the browser, for basic_auth in Prometheus, and for the commands that ask a\n\
                 running gateway: DIALGATE_OPERATOR={1}:{0}\n\
                 The hash goes into config.yaml; a second one may stand beside it while you rotate:\n\
                 \n\
                 admin:\n  \
                   operators:\n    \
                     - name: {1}\n      \
                       secrets: [\"{2}\"]\n",
                secret.password.expose(),
                client.as_str(),
                secret.hash,
            ));
        }
        print(&format!(
            "Password             {}\n\
             Authorization Token  {}\n\
             \n\
             The token goes into jtel (Client Master Data, SAP Settings, Authorization Token).\n\
             The hash goes into config.yaml; a second one may stand beside it while you rotate:\n\
             \n\
             clients:\n  \
               - name: {}\n    \
                 secrets: [\"{}\"]\n",
            secret.password.expose(),
            secret.token.expose(),
            client.as_str(),
            secret.hash,
        ))
    }
}

/// A password and what follows from it.
pub(super) struct NewSecret {
    /// 256 random bits as 43 characters that need no escaping anywhere.
    pub(super) password: Secret,
    /// What jtel sends behind `Basic`.
    pub(super) token: Secret,
    /// What the configuration knows.
    pub(super) hash: SecretHash,
}

impl NewSecret {
    pub(super) fn make(client: &str) -> anyhow::Result<Self> {
        let mut random = [0; 32];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_unspecified| anyhow::anyhow!("the operating system gives no randomness"))?;
        let password = BASE64_URL_SAFE_NO_PAD.encode(random);
        let token = BASE64_STANDARD.encode(format!("{client}:{password}"));
        Ok(Self {
            hash: SecretHash::of(password.as_bytes()),
            token: Secret::new(token),
            password: Secret::new(password),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_hash_belong_to_the_password() {
        let secret = NewSecret::make("jtel").unwrap();

        let token = BASE64_STANDARD.decode(secret.token.expose()).unwrap();
        assert_eq!(token, format!("jtel:{}", secret.password.expose()).into_bytes());
        assert!(secret.hash.matches(secret.password.expose().as_bytes()));
        assert_eq!(secret.password.expose().len(), 43);
    }

    #[test]
    fn no_two_passwords_are_alike() {
        let [first, second] = [(); 2].map(|()| NewSecret::make("jtel").unwrap());

        assert_ne!(first.password.expose(), second.password.expose());
    }
}
