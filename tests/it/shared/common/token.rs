//! One token for three processes, and nothing of it to be read in the memory that they share.

use super::{PATIENT, Three, ask};
use crate::{
    shared::redis::Redis,
    support::{
        Does, ScriptedSap, eventually,
        load::{partner, with_outcome},
        server::{Server, json},
    },
};

fn granted(token: &str, life: u32) -> Vec<u8> {
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life}}}"#);
    json("200 OK", &body)
}

async fn start(redis: &Redis, tokens: &Server) -> (ScriptedSap, Three) {
    let sap = ScriptedSap::start().await;
    let login = format!(
        "{{ oauth2: {{ token_url: \"http://{}/token\", client_id: canary-client, \
         client_secret: {{ file: sap-password }} }} }}",
        tokens.address
    );
    let more = [("sap.login", login.as_str()), ("sap.daily_requests", "1000")];
    let three = Three::start(&sap.url(), &redis.shared(PATIENT), &more).await;
    (sap, three)
}

#[tokio::test]
async fn three_replicas_fetch_one_token_and_one_more_when_sap_refuses_it() {
    let (redis, tokens) = (Redis::start().await, Server::start(granted("one", 3600)).await);
    let (sap, three) = start(&redis, &tokens).await;
    assert_eq!(with_outcome(&three.load(20, 20, 0).await, "200"), 60);
    assert_eq!(tokens.asked(), 1);
    let from = |from: &str| format!("dialgate_sap_common_tokens_total{{from=\"{from}\"}}");
    assert_eq!(three.sum(&from("server")).await, 1);
    assert_eq!(three.sum(&from("shared")).await, 2);

    // It has ended early; nobody takes it from the memory once more.
    tokens.answers_with(granted("two", 3600));
    sap.decides(
        |asked| {
            if asked.authorization == "Bearer two" { Does::Answer } else { Does::Status(401) }
        },
    );
    for (process, n) in three.all.iter().zip(100..) {
        assert_eq!(ask(process, n).await.unwrap(), "200");
    }

    assert_eq!(tokens.asked(), 2);
}

#[tokio::test]
async fn a_replica_whose_token_is_lost_or_spoilt_in_the_memory_fetches_its_own() {
    let (mut redis, tokens) = (Redis::start().await, Server::start(granted("one", 6)).await);
    let (_sap, three) = start(&redis, &tokens).await;
    for key in redis.keys("*:token").await {
        redis.ask::<()>(&format!("SET {key} x PX 60000")).await;
    }
    eventually("they have another one", || async { tokens.asked() >= 2 }).await;
    assert_eq!(with_outcome(&three.load(10, 10, 0).await, "200"), 30);

    redis.kill().await;
    let before = tokens.asked();
    eventually("each has one of its own", || async { tokens.asked() >= before + 3 }).await;
    assert_eq!(with_outcome(&three.load(10, 10, 1000).await, "200"), 30);
}

#[tokio::test]
async fn nothing_that_is_secret_or_personal_can_be_read_where_limits_and_token_are() {
    let (redis, tokens) =
        (Redis::start().await, Server::start(granted("canary-token", 3600)).await);
    let (sap, three) = start(&redis, &tokens).await;
    let _calls: Vec<_> = {
        sap.does(Does::Held(Does::Answer.into()));
        three.all.iter().zip(0..).map(|(process, n)| ask(process, n)).collect()
    };
    eventually("they have places", || async {
        redis.ask::<i64>(&format!("ZCARD {}", redis.keys("*:places").await.concat())).await == 3
    })
    .await;

    let mut all = String::new();
    let keys = redis.keys("*").await;
    for what in ["places", "replicas", "token", "requests-"] {
        assert!(keys.iter().any(|key| key.contains(what)), "{what}: {keys:?}");
    }
    for key in &keys {
        all += key;
        let kind: String = redis.ask(&format!("TYPE {key}")).await;
        let bytes = match kind.as_str() {
            "string" => redis.ask::<Vec<u8>>(&format!("GET {key}")).await,
            _ => redis.ask::<Vec<Vec<u8>>>(&format!("ZRANGE {key} 0 -1 WITHSCORES")).await.concat(),
        };
        all += &String::from_utf8_lossy(&bytes);
        assert!(redis.ask::<i64>(&format!("PTTL {key}")).await > 0, "{key} would stay");
    }
    let host = sap.address.to_string();
    for canary in ["canary", "Bearer", "127.0.0.1", &host, &partner(0), &partner(1), &partner(2)] {
        assert!(!all.contains(canary), "{canary} is in the shared memory");
    }
    for process in &three.all {
        assert!(!process.log().iter().any(|line| line.to_string().contains("canary-token")));
    }
}
