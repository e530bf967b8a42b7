//! A provider that may not write: it says that it would, and changes nothing.

use shared::document::Additions;
use shared::provider::{self, Release, Withheld, Writing};

use crate::rig::{Rig, both, quick};

/// A look of one that may not write: whether it wanted to.
async fn wants_to_write(rig: &Rig, look: impl AsyncFn(&dyn provider::Provider)) -> bool {
    let withheld = Withheld::default();
    let mut reach = rig.reach().await;
    reach.writing = Writing::Withheld(withheld.clone());
    rig.sims.recorder.clear_calls();
    look(provider::of(&rig.request, reach).as_ref()).await;
    assert_eq!(rig.written(), [""; 0], "{:?}", rig.vendor);
    withheld.was_wanted()
}

#[tokio::test]
async fn only_a_look_that_would_write_needs_the_turn() {
    both(quick, async |rig| {
        let service = async |provider: &dyn provider::Provider| {
            let _ = provider.ensure_service(1).await;
        };
        assert!(wants_to_write(&rig, service).await, "the service is to be made");
        rig.ensured().await;
        assert!(!wants_to_write(&rig, service).await, "the service is there");
        let endpoint = rig.connect();
        rig.accessed(&endpoint).await;
        let access = async |provider: &dyn provider::Provider| {
            let _ = provider.ensure_access(&endpoint, 1, None).await;
        };
        assert!(!wants_to_write(&rig, access).await, "access is there");
        let nothing = Release::default();
        let release = Release {
            delete_service: true,
            remove: Additions {
                principals: rig.request.provider.principals().to_vec(),
                ..Additions::default()
            },
            endpoint_ids: vec![endpoint.endpoint_id.clone()],
            ..Release::default()
        };
        for (release, wants) in [(nothing, false), (release, true)] {
            let look = async |provider: &dyn provider::Provider| {
                let _ = provider.release(&release).await;
            };
            assert_eq!(wants_to_write(&rig, look).await, wants);
        }
    })
    .await;
}
