//! EnsureService: the vendor's PrivateLink service exists and offers itself to this consumer.

use shared::Result;
use shared::document::{Document, ServiceOffer};
use shared::progress::{Look, Phase};
use shared::settings::PhaseName;

use crate::context::Context;
use crate::register::lease;
use crate::runtime::{Step, Watched};

/// The step.
pub struct EnsureService;

impl Step for EnsureService {
    const PHASE: PhaseName = PhaseName::Service;
    type Output = ServiceOffer;

    fn previous(document: &Document) -> Option<&Phase<ServiceOffer>> {
        document.service.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<ServiceOffer>> {
        lease::in_turn(context, document, async |provider| {
            provider.ensure_service(attempt).await
        })
        .await
    }
}

impl Watched for EnsureService {
    async fn look_only(
        context: &Context,
        document: &Document,
        last: &Phase<ServiceOffer>,
    ) -> Result<Option<Look<ServiceOffer>>> {
        lease::without_writing(context, document, async |provider| {
            provider.ensure_service(last.next_attempt()).await
        })
        .await
    }
}
