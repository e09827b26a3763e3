//! What others have written is shown as text.

use super::{Browser, url};
use crate::support::{Does, Process, ScriptedSap, eventually, load::partner};

const TEXTS: [&str; 5] = [
    "<script>document.title = 'pwned'</script>",
    "\"'><img src=x onerror=\"document.title = 'pwned'\">",
    "&lt;b&gt; {{ `${1}` }} 📞👩‍👩‍👧‍👦",
    "\u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "end --> ]]> </textarea></table></main>",
];

#[tokio::test]
async fn hostile_texts_of_sap_and_of_the_log_are_text_and_break_no_layout() {
    let sap = ScriptedSap::start().await;
    let process = Process::start(&sap.url(), &[]).await;
    let jtel = process.jtel(false);
    let long = "W".repeat(1000);
    let texts: Vec<_> = TEXTS.into_iter().chain([&*long]).collect();
    for (n, text) in texts.iter().enumerate() {
        sap.does(Does::AnswerWithChannel((*text).to_owned()));
        jtel.ask(&partner(u32::try_from(n).unwrap())).await;
    }
    let word = "<img src=x onerror=alert(1)></li><script>1</script>".to_owned() + &"W".repeat(1000);
    process.rewrite(&[("rules.sap_unavailable", &format!("\"{word}\""))]);
    eventually("the log has it", || async { !process.warnings().is_empty() }).await;

    let browser = Browser::start().await;
    let tab = browser.tab().await;
    for width in [1280, 390] {
        tab.window(width, 900).await;
        tab.open(&url(process.admin_address(), "/")).await;
        tab.until_text("#warnings", "<img src=x").await;
        let missing = tab.value("document.querySelector('#missing tbody').textContent").await;
        let missing = missing.as_str().unwrap();
        assert!(missing.contains(TEXTS[0]) && missing.contains("\"\\u202e\u{5e9}"), "{missing}");
        // One more as an update, which takes another way into the page.
        sap.does(Does::AnswerWithChannel(format!("{} at {width}", TEXTS[0])));
        jtel.ask(&partner(width)).await;
        tab.until_text("#missing", &format!("</script> at {width}")).await;
        let foreign = "document.querySelectorAll('img, main script, iframe, textarea').length";
        assert_eq!(tab.value(foreign).await, 0);
        let structure = "[...document.querySelectorAll('main > *')].map((one) => one.id).join()";
        assert_eq!(
            tab.value(structure).await,
            "state,flow,problems,sap,actions,missing,parity,warnings,decisions,foot"
        );
        let too_wide =
            "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(tab.value(too_wide).await, 0);
        tab.picture(&format!("hostile-{width}")).await;
        assert!(!tab.value("document.title").await.as_str().unwrap().contains("pwned"));
    }
    tab.click(".because a").await;
    tab.until("the story has come", "location.pathname === '/explain'").await;
    tab.until_text("main", "<script>document.title").await;
    assert_eq!(tab.value("document.querySelectorAll('img, main script').length").await, 0);
    assert_eq!(tab.complaints(), Vec::<String>::new());
}
