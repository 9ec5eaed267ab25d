//! Notices: what happens to a person's casks, told to them by the ways they chose. Each way is a
//! subscription of its own: one that is away holds up no other and makes none say anything twice.

use std::sync::Arc;

use async_nats::jetstream::Context;
use domain::id::{UserId, WhiskeyId};
use domain::language::Language;
use domain::notices::{Notices, Topic, Ways};
use domain::user::{Account, User};
use domain::whiskey::{Entry, Whiskey, WhiskeyEvent};
use eventstore::{Recorded, Store};
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::letters::{Letter, Written, written};
use crate::outside::mail::{Mail, MailError, Post};
use crate::outside::sms::{Sms, SmsError, Texter};

const SUBJECTS: &[&str] = &[
    "caskchain.events.*.whiskey.*.approved",
    "caskchain.events.*.whiskey.*.rejected",
    "caskchain.events.*.whiskey.*.revalued",
    "caskchain.events.*.whiskey.*.regauged",
    "caskchain.events.*.whiskey.*.moved",
    "caskchain.events.*.whiskey.*.condition_reported",
    "caskchain.events.*.whiskey.*.transfer_offered",
    "caskchain.events.*.whiskey.*.transfer_accepted",
    "caskchain.events.*.whiskey.*.title_settled",
    "caskchain.events.*.whiskey.*.retired",
    "caskchain.events.*.whiskey.*.tokenisation_completed",
];
const BY_MAIL: Subscription = Subscription { name: "notices-mail", subjects: SUBJECTS, at_once: 1 };
const BY_SMS: Subscription = Subscription { name: "notices-sms", subjects: SUBJECTS, at_once: 1 };

/// Tells people of their casks.
#[derive(Clone)]
pub struct Notifier {
    pub store: Store,
    pub post: Arc<dyn Post>,
    /// Where short messages can be sent at all.
    pub texter: Option<Arc<dyn Texter>>,
}

/// Something to be told to somebody.
struct Notice {
    to: UserId,
    topic: Topic,
    letter: Letter,
}

impl Notifier {
    pub async fn run(self, jetstream: Context, stop: CancellationToken) {
        let progress = self.store.progress();
        let mails = BY_MAIL
            .run(jetstream.clone(), progress.clone(), stop.clone(), |event| self.mail(event));
        let texts = async {
            if let Some(texter) = &self.texter {
                let text = |event| self.text(event, Arc::clone(texter));
                BY_SMS.run(jetstream, progress, stop, text).await;
            }
        };
        tokio::join!(mails, texts);
    }

    async fn mail(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Some((account, notice)) = self.wanted(&recorded, |ways| ways.mail).await? else {
            return Ok(());
        };
        let address = self.store.vault().open(recorded.tenant, &account.email).await;
        let Some(address) = address.map_err(not_yet)? else {
            return Ok(());
        };
        let Written { subject, body } = written(account.language, &notice.letter);
        let to = address.as_str().to_owned();
        let mail = Mail { position: recorded.position, to, subject, body };
        match self.post.send(&mail).await {
            Ok(()) => Ok(()),
            Err(MailError::Unavailable(reason)) => Err(ReactionError::NotYet(reason)),
            Err(MailError::Refused(reason)) => Err(ReactionError::Failed(reason)),
        }
    }

    async fn text(&self, recorded: Recorded, texter: Arc<dyn Texter>) -> Result<(), ReactionError> {
        let Some((account, notice)) = self.wanted(&recorded, |ways| ways.sms).await? else {
            return Ok(());
        };
        let Some(phone) = &account.phone else {
            return Ok(());
        };
        let Some(phone) = self.store.vault().open(recorded.tenant, phone).await.map_err(not_yet)?
        else {
            return Ok(());
        };
        let text = short(account.language, &notice.letter);
        let sms = Sms { position: recorded.position, to: phone.as_str().to_owned(), text };
        match texter.send(&sms).await {
            Ok(()) => Ok(()),
            Err(SmsError::Unavailable(reason)) => Err(ReactionError::NotYet(reason)),
            Err(SmsError::Refused(reason)) => Err(ReactionError::Failed(reason)),
        }
    }

    /// What is to be told, to somebody who is there and wants it this way.
    async fn wanted(
        &self,
        recorded: &Recorded,
        this_way: impl Fn(Ways) -> bool,
    ) -> Result<Option<(Account, Notice)>, ReactionError> {
        let Some(event) = recorded.event::<Whiskey>().map_err(failed)? else {
            return Ok(None);
        };
        let id = WhiskeyId::new(recorded.id().map_err(failed)?).to_string();
        let cask = self.store.load::<Whiskey>(recorded.tenant, &id).await.map_err(not_yet)?;
        let Some(notice) = notice(event, cask.state.entry().map_err(failed)?) else {
            return Ok(None);
        };
        // Nobody is told what they did themselves.
        let to = notice.to.to_string();
        if recorded.metadata.actor == to {
            return Ok(None);
        }
        let notices = self.store.load_fresh::<Notices>(recorded.tenant, &to).await;
        if !this_way(notices.map_err(not_yet)?.state.ways(notice.topic)) {
            return Ok(None);
        }
        let user = self.store.load_fresh::<User>(recorded.tenant, &to).await.map_err(not_yet)?;
        Ok(user.state.account().ok().map(|account| (account.clone(), notice)))
    }
}

/// Who is told what of an event.
fn notice(event: WhiskeyEvent, entry: &Entry) -> Option<Notice> {
    let cask = format!("{} ({})", entry.details.name, entry.details.cask_number);
    let owner = entry.owner;
    let (to, topic, letter) = match event {
        WhiskeyEvent::WhiskeyApproved { .. } => {
            (owner, Topic::Judgement, Letter::CaskApproved { cask })
        }
        WhiskeyEvent::WhiskeyRejected { reason, .. } => {
            (owner, Topic::Judgement, Letter::CaskRejected { cask, reason })
        }
        WhiskeyEvent::TransferOffered { to } => (to, Topic::Transfer, Letter::CaskOffered { cask }),
        WhiskeyEvent::TransferAccepted { from, .. } | WhiskeyEvent::TitleSettled { from, .. } => {
            (from, Topic::Transfer, Letter::CaskHandedOver { cask })
        }
        WhiskeyEvent::WhiskeyRetired { .. } => {
            (owner, Topic::Retirement, Letter::CaskRetired { cask })
        }
        WhiskeyEvent::TokenisationCompleted { network } => {
            (owner, Topic::Token, Letter::CaskTokenised { cask, network })
        }
        WhiskeyEvent::TokenisationFailed { network } => {
            (owner, Topic::Token, Letter::CaskNotTokenised { cask, network })
        }
        WhiskeyEvent::WhiskeyRevalued { .. }
        | WhiskeyEvent::WhiskeyRegauged { .. }
        | WhiskeyEvent::WhiskeyMoved { .. }
        | WhiskeyEvent::ConditionReported { .. } => {
            (owner, Topic::Record, Letter::CaskRecorded { cask })
        }
        WhiskeyEvent::WhiskeyRegistered { .. }
        | WhiskeyEvent::WhiskeyCorrected { .. }
        | WhiskeyEvent::WhiskeyResubmitted {}
        | WhiskeyEvent::TransferWithdrawn {}
        | WhiskeyEvent::FileAttached { .. }
        | WhiskeyEvent::FileDetached { .. }
        | WhiskeyEvent::TokenisationStarted { .. } => return None,
    };
    Some(Notice { to, topic, letter })
}

/// The first line of a letter says it in short.
fn short(language: Language, letter: &Letter) -> String {
    let Written { body, .. } = written(language, letter);
    body.lines().next().unwrap_or_default().to_owned()
}

fn failed(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::Failed(error.to_string())
}

fn not_yet(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::NotYet(error.to_string())
}
