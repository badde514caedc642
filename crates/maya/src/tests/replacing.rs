//! Another build of the helper makes way over its own link.

use serde_json::{Value, json};

use super::{Helper, soon};
use crate::{Access, BootstrapError, Build, HelperAddress, HelperFiles, Link, LinkError, Refusal, replace};

const PID: u32 = 77;

/// What comes of it when the helper says this, and ends.
async fn outcome(answer: impl FnOnce(&str) -> Vec<Value>) -> Result<HelperAddress, BootstrapError> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let files = HelperFiles::install(home.path()).expect("writable");
    let helper = Helper::listen().await;
    let address = helper.address();
    let (opened, mut own) = tokio::join!(Link::open(&address), helper.accept());
    let (link, task, welcome) = opened.expect("it is there");
    assert_eq!(files.compare(&welcome), Build::Another, "it says so");
    let serving = async {
        let request = own.hear().await;
        assert_eq!(request["method"], "replace", "{request}");
        assert_eq!(request["params"]["boot"], json!(files.boot()), "ours");
        let nonce = request["params"]["nonce"].as_str().expect("a nonce");
        let invitation = home.path().join("run").join(format!("{nonce}.json"));
        assert!(invitation.is_file(), "there is an invitation");
        for mut message in answer(nonce) {
            if message.get("event").is_none() {
                message["id"] = request["id"].clone();
            }
            own.say(message).await;
        }
        drop(own);
        invitation
    };
    let (outcome, invitation) = tokio::join!(soon("the outcome", replace(link, task, PID, &files)), serving);
    assert!(!invitation.exists(), "nobody can come with it any more");
    outcome
}

#[tokio::test(flavor = "local")]
async fn ours_is_found_where_the_answer_behind_the_good_bye_says() {
    let goodbye = json!({"event": "goodbye", "params": {"reason": "replaced"}});
    let found = outcome(|nonce| {
        let there = json!({"maya_mcp": 1, "nonce": nonce, "pid": PID, "port": 51234, "helper": "0.1.0"});
        vec![json!({"event": "main_free"}), goodbye, json!({"result": there})]
    });
    let found = found.await.expect("it took over");
    assert_eq!(found.address.to_string(), "127.0.0.1:51234", "at its port");
    assert!(matches!(found.access, Access::Secret(_)), "with the invitation's secret");
}

#[tokio::test(flavor = "local")]
async fn what_else_comes_of_it_is_told() {
    let left = outcome(|_| Vec::new()).await;
    assert!(matches!(left, Err(BootstrapError::Link(LinkError::Closed))), "{left:?}");
    let unknown = json!({"error": {"type": "UnknownMethod", "message": "replace"}});
    let unknown = outcome(|_| vec![unknown]).await;
    let is_unknown =
        |error: &LinkError| matches!(error, LinkError::Refused { kind: Refusal::UnknownMethod, .. });
    assert!(matches!(&unknown, Err(BootstrapError::Link(error)) if is_unknown(error)), "{unknown:?}");
    let failed = outcome(|nonce| {
        let error = json!({"type": "OSError", "message": "full"});
        vec![json!({"result": {"maya_mcp": 1, "nonce": nonce, "pid": PID, "error": error}})]
    });
    let failed = failed.await;
    assert!(matches!(&failed, Err(BootstrapError::Helper { kind, .. }) if kind == "OSError"), "{failed:?}");
    for foreign in [json!(null), json!({"maya_mcp": 1, "nonce": "00", "pid": PID, "port": 1})] {
        let refused = outcome(|_| vec![json!({"result": foreign})]).await;
        assert!(matches!(refused, Err(BootstrapError::Link(LinkError::Impostor))), "{refused:?}");
    }
}
