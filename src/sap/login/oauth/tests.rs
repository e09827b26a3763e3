//! When tokens are fetched, in paused time.

use std::sync::{Mutex, atomic::AtomicU32};

use tokio::time::{advance, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A token server that gives these answers, one after the other, the last one for ever.
fn tokens(
    answers: Vec<Result<u64, TokenProblem>>,
    takes: Duration,
) -> (Arc<Tokens>, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let answers = Arc::new(Mutex::new(answers));
    let fetch = move || -> Fetching {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let answers = Arc::clone(&answers);
        Box::pin(async move {
            sleep(takes).await;
            let mut answers = answers.lock().unwrap();
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            answer.map(|seconds| Granted {
                authorization: HeaderValue::from_str(&format!("Bearer {number}")).unwrap(),
                life: Duration::from_secs(seconds),
            })
        })
    };
    (Arc::new(Tokens::with(Box::new(fetch), 2 * SECOND)), asked)
}

async fn shown(tokens: &Tokens) -> String {
    match tokens.token().await {
        Ok(token) => token.authorization.to_str().unwrap().to_owned(),
        Err(problem) => problem.outcome().label().to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_fetch_one_token() {
    let (tokens, asked) = tokens(vec![Ok(3600)], SECOND / 10);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let tokens = Arc::clone(&tokens);
        calls.spawn(async move { shown(&tokens).await });
    }

    while let Some(call) = calls.join_next().await {
        assert_eq!(call.unwrap(), "Bearer 0");
    }

    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_ahead_of_its_end_and_no_call_waits_for_it() {
    let (tokens, asked) = tokens(vec![Ok(100)], SECOND / 10);
    assert_eq!(shown(&tokens).await, "Bearer 0");

    for second in 1..300 {
        sleep(SECOND).await;
        let before = Instant::now();
        let token = tokens.token().await.unwrap();
        assert_eq!(before.elapsed(), Duration::ZERO, "{second}");
        assert!(Instant::now() < token.usable_until);
    }

    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_two_seconds_works_and_none_is_used_after_its_end() {
    let (tokens, asked) = tokens(vec![Ok(2)], SECOND / 20);

    for _ in 0..1000 {
        let token = tokens.token().await.unwrap();
        assert!(Instant::now() < token.usable_until);
        advance(SECOND / 100).await;
    }

    assert!((9..=11).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_token_server_costs_one_call_its_time_and_the_others_nothing() {
    let (tokens, asked) = tokens(vec![Ok(1)], 60 * SECOND);
    let started = Instant::now();
    assert_eq!(shown(&tokens).await, "token_deadline");
    assert_eq!(started.elapsed(), 2 * SECOND);

    for _ in 0..600 {
        let started = Instant::now();
        assert_eq!(shown(&tokens).await, "token_deadline");
        assert_eq!(started.elapsed(), Duration::ZERO);
        sleep(SECOND / 10).await;
    }

    // Within a minute: after pauses of about 1, 2, 4, 8, 16 and 32 s, each with 2 s of waiting.
    assert!((4..=8).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_server_that_recovers_is_noticed_without_a_call() {
    let failure = TokenProblem::Reply("no JSON");
    let (tokens, _) = tokens(vec![Err(failure), Ok(3600)], SECOND / 10);
    assert_eq!(shown(&tokens).await, "token_reply");

    sleep(3 * SECOND).await;

    assert_eq!(shown(&tokens).await, "Bearer 1");
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_used_on_while_the_token_server_fails() {
    let (tokens, _) = tokens(vec![Ok(100), Err(TokenProblem::Reply("no JSON"))], SECOND / 10);
    assert_eq!(shown(&tokens).await, "Bearer 0");
    sleep(88 * SECOND).await;
    assert_eq!(shown(&tokens).await, "Bearer 0");

    sleep(3 * SECOND).await;

    assert_eq!(shown(&tokens).await, "token_reply");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_shown_once_more_after_ten_minutes_and_then_when_told_to() {
    let refused = || Err(TokenProblem::Credentials);
    let (tokens, asked) = tokens(vec![refused(), refused(), Ok(3600)], SECOND / 10);
    assert_eq!(shown(&tokens).await, "token_credentials");
    sleep(599 * SECOND).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    sleep(3600 * SECOND).await;
    assert_eq!(shown(&tokens).await, "token_credentials");
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    tokens.retry();

    assert_eq!(shown(&tokens).await, "Bearer 2");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_sap_drops_is_replaced_at_once_and_one_it_never_took_after_a_pause() {
    let (tokens, asked) = tokens(vec![Ok(3600)], SECOND / 10);
    let first = tokens.token().await.unwrap();
    first.accept();
    sleep(10 * SECOND).await;
    assert!(tokens.reject(&first));
    let started = Instant::now();
    let second = tokens.token().await.unwrap();
    assert_eq!(started.elapsed(), SECOND / 10);
    assert!(tokens.reject(&first), "somebody else was told before");

    assert!(!tokens.reject(&second));
    assert_eq!(shown(&tokens).await, "token_rejected");

    sleep(5 * SECOND).await;
    assert_eq!(shown(&tokens).await, "Bearer 2");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_asks_for_a_token_once_a_second_at_most() {
    let (tokens, asked) = tokens(vec![Ok(3600)], SECOND / 20);
    let started = Instant::now();

    for _ in 0..1000 {
        if let Ok(token) = tokens.token().await {
            // As bad as can be: SAP takes each token once and then drops it.
            token.accept();
            tokens.reject(&token);
        }
        sleep(SECOND / 100).await;
    }

    let seconds = started.elapsed().as_secs_f64();
    let asked = f64::from(asked.load(Ordering::Relaxed));
    assert!(asked <= seconds + 1.0, "{asked} in {seconds} s");
}
