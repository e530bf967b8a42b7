//! An input that is wrong starts nothing.

use serde_json::json;

use crate::stage::stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_input_is_refused_before_anything_starts() {
    let stage = stage(0, &[]).await;
    let items = json!([{ "connection_id": "plw-0123456789abcdef" }]);
    let place = json!({ "bucket": "b", "key": "k.json" });
    for (input, words) in [
        (json!([]), vec!["/: "]),
        (json!({}), vec!["/name: ", "/items: "]),
        (json!({ "name": "a b", "items": items }), vec!["/name: "]),
        (json!({ "name": 1, "items": items }), vec!["/name: "]),
        (json!({ "name": "a".repeat(33), "items": items }), vec!["/name: "]),
        (
            json!({ "name": "a", "items": items, "items_from": place }),
            vec!["/items: ", "not both"],
        ),
        (json!({ "name": "a", "items": [] }), vec!["/items: "]),
        (json!({ "name": "a", "items": "all" }), vec!["/items: "]),
        (json!({ "name": "a", "items": [1] }), vec!["/items: "]),
        (json!({ "name": "a", "items_from": "b/k.json" }), vec!["/items_from: "]),
        (
            json!({ "name": "a", "items_from": { "bucket": "b" } }),
            vec!["/items_from: "],
        ),
        (
            json!({ "name": "a", "items_from": { "bucket": "b", "key": "k" } }),
            vec!["/items_from/key: "],
        ),
        (
            json!({ "name": "a", "items": items, "max_concurrency": 0 }),
            vec!["/max_concurrency: "],
        ),
        (
            json!({ "name": "a", "items": items, "max_concurrency": "4" }),
            vec!["/max_concurrency: "],
        ),
        (
            json!({ "name": "a", "items": items, "tolerated_failure_percentage": 101, "max_concurrency": 1.5 }),
            vec!["/tolerated_failure_percentage: ", "/max_concurrency: "],
        ),
        (
            json!({ "name": "a", "items": items, "tolerance": 1 }),
            vec!["/tolerance: unknown"],
        ),
    ] {
        let failure = stage.fails(&input).await;
        assert_eq!(failure.error, "InvalidRequest", "{input}: {}", failure.cause);
        for word in words {
            assert!(failure.cause.contains(word), "{input}: {word}: {}", failure.cause);
        }
    }
    assert!(stage.runs().await.is_empty());
}
