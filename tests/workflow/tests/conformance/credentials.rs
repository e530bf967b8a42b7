//! The secret and the token: read, remembered, read again, and never shown.

use serde_json::json;
use shared::ErrorName;
use simulators::recorder::FaultKind;

use crate::rig::{Rig, assert_no_secret, both, failure, quick, until};
use crate::secrets_manager::Stored;
use crate::vendor::{Op, Vendor};

const UNAUTHORIZED: FaultKind = FaultKind::Status {
    status: 401,
    retry_after: None,
};

#[tokio::test]
async fn the_secret_is_read_once_for_many_calls_and_invocations() {
    both(quick, async |mut rig| {
        rig.provider().await.preflight().await.unwrap();
        rig.ensured().await;
        rig.accessed(&rig.connect()).await;
        assert_eq!(rig.secrets.reads(), 1);
        rig.cold_start();
        rig.ensured().await;
        assert_eq!(rig.secrets.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn after_a_401_the_secret_is_read_again_and_the_call_goes_on() {
    both(quick, async |rig| {
        rig.break_next(Op::Look, UNAUTHORIZED);
        rig.ensured().await;
        assert_eq!(rig.secrets.reads(), 2);
        assert_eq!(rig.calls(rig.vendor.op(Op::Create)), 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_gets_a_401_is_made_once() {
    both(quick, async |rig| {
        rig.break_next(Op::Create, UNAUTHORIZED);
        rig.ensured().await;
        assert_eq!((rig.sims.recorder.writes().len(), rig.endpoint_services()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_rotation_in_the_middle_of_a_run_goes_through() {
    both(quick, async |rig| {
        rig.provider().await.preflight().await.unwrap();
        let rotated = rig.vendor.rotate(&rig.sims);
        rig.secrets.store(Stored::Text(rotated.to_string()));
        rig.ensured().await;
        assert_eq!(rig.secrets.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_credential_that_the_vendor_refuses_for_good_is_denied_until_it_is_corrected() {
    both(quick, async |rig| {
        let right = rig.vendor.secret();
        let mut wrong = right.clone();
        for value in wrong.as_object_mut().unwrap().values_mut() {
            *value = json!(format!("{}-wrong", value.as_str().unwrap()));
        }
        rig.secrets.store(Stored::Text(wrong.to_string()));
        let error = failure(rig.ensure(1).await, &["401", "secret"]);
        assert_eq!(error.name, ErrorName::Denied);
        let preflight = rig.checked(rig.provider().await.preflight().await);
        assert_eq!(preflight.unwrap_err().name, ErrorName::Denied);
        // No waiting for what the process remembers.
        rig.secrets.store(Stored::Text(right.to_string()));
        rig.ensured().await;
    })
    .await;
}

#[tokio::test]
async fn each_bad_secret_has_its_own_message() {
    both(quick, async |mut rig| {
        let field = match rig.vendor {
            Vendor::Hcp => "client_id",
            Vendor::Aiven => "token",
        };
        let with = |value| {
            let mut secret = rig.vendor.secret();
            secret[field] = value;
            Stored::Text(secret.to_string())
        };
        let without = |wanted: &str| {
            let mut secret = rig.vendor.secret();
            secret.as_object_mut().unwrap().remove(wanted);
            Stored::Text(secret.to_string())
        };
        let request = ErrorName::InvalidRequest;
        let table = [
            (
                Stored::Refused(
                    400,
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret.",
                ),
                request,
                "has no secret",
            ),
            (
                Stored::Refused(400, "InvalidRequestException", "it was marked for deletion."),
                request,
                "scheduled for deletion",
            ),
            (
                Stored::Refused(400, "AccessDeniedException", "is not authorized to perform"),
                ErrorName::Denied,
                "AccessDeniedException",
            ),
            (
                Stored::Refused(400, "DecryptionFailure", "Secrets Manager can't decrypt"),
                ErrorName::Denied,
                "kms:Decrypt",
            ),
            (
                Stored::Refused(400, "ThrottlingException", "Rate exceeded"),
                ErrorName::Throttled,
                "ThrottlingException",
            ),
            (
                Stored::Refused(500, "InternalServiceError", "An error occurred"),
                ErrorName::Unavailable,
                "tried again",
            ),
            (Stored::Binary, request, "is binary, not text"),
            (
                Stored::Text("simulated-aiven-secret, bare".into()),
                request,
                "is not JSON",
            ),
            (
                Stored::Text(r#"["simulated-aiven-secret"]"#.into()),
                request,
                "is JSON but no object",
            ),
            (Stored::Text("{}".into()), request, "has no \""),
            (without(field), request, "has no \""),
            (with(json!(" ")), request, "has an empty \""),
            (with(json!(7)), request, "that is not a string"),
            (with(json!(null)), request, "that is not a string"),
        ];
        for (stored, name, words) in table {
            rig.secrets.store(stored.clone());
            rig.cold_start();
            let error = failure(rig.ensure(1).await, &[words]);
            assert_eq!(error.name, name, "{stored:?}: {error}");
            if name == request {
                assert!(error.message.starts_with("/provider/secret_id: "), "{error}");
            }
            assert!(error.message.contains(rig.request.provider.secret_id()), "{error}");
        }
        assert!(
            rig.sims.recorder.calls().is_empty(),
            "nobody was asked without a credential"
        );
        // Corrected, it works at once, in the same process.
        rig.secrets.store(Stored::Text(rig.vendor.secret().to_string()));
        rig.ensured().await;
    })
    .await;
}

#[tokio::test]
async fn a_secret_with_spaces_around_it_is_as_good() {
    both(quick, async |rig| {
        let mut secret = rig.vendor.secret();
        for value in secret.as_object_mut().unwrap().values_mut() {
            *value = json!(format!(" {}\n", value.as_str().unwrap()));
        }
        rig.secrets.store(Stored::Text(secret.to_string()));
        rig.ensured().await;
    })
    .await;
}

#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    both(quick, async |rig| {
        let reach = rig.reach().await;
        let provider = shared::provider::of(&rig.request, reach.clone());
        let facts = provider.preflight().await.unwrap();
        let offer = rig.ensured().await;
        let access = rig.accessed(&rig.connect()).await;
        // By now the process remembers the secret, and HCP's token.
        assert_no_secret(&format!("{reach:?} {:#?}", reach.secret));
        assert_no_secret(&format!("{facts:?} {offer:?} {access:?} {:?}", rig.request));
        assert_no_secret(&format!("{} {:?}", provider.credentials(), provider.ca_certificate()));
        assert_no_secret(&serde_json::to_string(&access).unwrap());
    })
    .await;
}

#[tokio::test]
async fn hcps_token_is_fetched_once_for_several_calls_and_invocations() {
    let rig = Rig::start(Vendor::Hcp, quick).await;
    rig.provider().await.preflight().await.unwrap();
    rig.ensured().await;
    assert_eq!(rig.calls("Token"), 1);
}

#[tokio::test]
async fn hcps_token_is_fetched_again_before_it_expires() {
    let rig = Rig::start(Vendor::Hcp, |knobs| {
        quick(knobs);
        // One second more than the margin.
        knobs.hcp.token_lifetime = std::time::Duration::from_secs(61);
    })
    .await;
    rig.provider().await.preflight().await.unwrap();
    assert_eq!(rig.calls("Token"), 1);
    until("another token", async || {
        rig.provider().await.preflight().await.unwrap();
        rig.calls("Token") > 1
    })
    .await;
    assert_eq!(rig.secrets.reads(), 1);
}

#[tokio::test]
async fn hcps_token_that_was_revoked_is_fetched_again() {
    let rig = Rig::start(Vendor::Hcp, quick).await;
    rig.provider().await.preflight().await.unwrap();
    rig.sims.hcp.world().revoke_tokens();
    rig.ensured().await;
    assert_eq!(rig.calls("Token"), 2);
}

#[tokio::test]
async fn hcps_key_that_was_rotated_before_the_next_token_is_read_again() {
    let rig = Rig::start(Vendor::Hcp, |knobs| {
        quick(knobs);
        // Less than the margin: every call needs a new one.
        knobs.hcp.token_lifetime = std::time::Duration::from_secs(30);
    })
    .await;
    rig.provider().await.preflight().await.unwrap();
    let rotated = rig.vendor.rotate(&rig.sims);
    rig.secrets.store(Stored::Text(rotated.to_string()));
    rig.provider().await.preflight().await.unwrap();
    assert_eq!(rig.secrets.reads(), 2);
}
