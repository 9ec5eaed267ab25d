//! Ending sessions: one's own, all of somebody's.

use std::sync::Arc;

use domain::command::Command;
use domain::id::{DeviceId, SessionId, TenantId, UserId};
use domain::permission::Permission;
use domain::session::{EndReason, EndSession, Session, SessionError};
use domain::sign_ins::{RemoveSession, SignIns};
use eventstore::{Commit, Loaded, StoreError};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// Which of a person's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    One(SessionId),
    All,
    /// All but the one this is asked from.
    Others(SessionId),
    /// All that were opened on a device.
    On(DeviceId),
}

/// How many sessions have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub sessions: usize,
}

impl Commands {
    /// Ends sessions of the person who asks.
    pub async fn sign_out(&self, asked: &Asked, which: Which) -> Result<Done<Ended>, CommandError> {
        asked.must_be_allowed(Permission::OWN_ACCOUNT)?;
        let user = asked.context.actor.user().ok_or(SessionError::Absent)?;
        self.once_stubbornly(asked, || async {
            let (commit, sessions) =
                self.ending_of(asked, self.begin(asked), user, which, EndReason::SignedOut).await?;
            self.commit(asked, &Ended { sessions }, commit).await
        })
        .await
    }

    /// Ends sessions of somebody, for one of our own services.
    pub async fn end_sessions_of(
        &self,
        asked: &Asked,
        user: UserId,
        which: Which,
        reason: EndReason,
    ) -> Result<Done<Ended>, CommandError> {
        asked.must_be_allowed(Permission::SYSTEM)?;
        self.once_stubbornly(asked, || async {
            let (commit, sessions) =
                self.ending_of(asked, self.begin(asked), user, which, reason).await?;
            self.commit(asked, &Ended { sessions }, commit).await
        })
        .await
    }

    /// Ends a session, if it is open; says whether it was.
    pub async fn end_open_session(
        &self,
        asked: &Asked,
        session: SessionId,
    ) -> Result<bool, CommandError> {
        let Session::Open(open) = &*self.session(asked.context.tenant(), session).await? else {
            return Ok(false);
        };
        let which = Which::One(session);
        self.end_sessions_of(asked, open.user, which, EndReason::Revoked).await?;
        Ok(true)
    }

    /// A session as it is now.
    pub async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Arc<Session>, CommandError> {
        Ok(self.store.load_fresh::<Session>(tenant, &session.to_string()).await?.state)
    }

    /// Adds the end of a person's sessions to a commit. Says how many.
    pub(crate) async fn ending_of<'a>(
        &self,
        asked: &Asked,
        mut commit: Commit<'a>,
        user: UserId,
        which: Which,
        reason: EndReason,
    ) -> Result<(Commit<'a>, usize), CommandError> {
        let tenant = asked.context.tenant();
        let sign_ins = self.store.load_fresh::<SignIns>(tenant, &user.to_string()).await?;
        let sessions: Vec<SessionId> = match which {
            Which::One(session) => {
                let loaded = self.store.load_fresh::<Session>(tenant, &session.to_string()).await;
                match loaded {
                    Ok(loaded) if loaded.state.user() == Some(user) => vec![session],
                    // Somebody else's, another tenant's or nobody's: the same answer.
                    Ok(_) | Err(StoreError::Foreign) => return Err(SessionError::Absent.into()),
                    Err(error) => return Err(error.into()),
                }
            }
            Which::All => sign_ins.state.sessions().collect(),
            Which::On(device) => {
                let mut there = Vec::new();
                for session in sign_ins.state.sessions() {
                    let loaded = self.session(tenant, session).await?;
                    if matches!(&*loaded, Session::Open(open) if open.device == Some(device)) {
                        there.push(session);
                    }
                }
                there
            }
            Which::Others(own) => {
                sign_ins.state.sessions().filter(|session| *session != own).collect()
            }
        };
        for session in &sessions {
            commit = self.ending(asked, commit, *session, reason).await?;
        }
        Ok((unlisting(commit, &sign_ins, &sessions)?, sessions.len()))
    }

    /// Adds the end of one session to a commit.
    pub(super) async fn ending<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        session: SessionId,
        reason: EndReason,
    ) -> Result<Commit<'a>, CommandError> {
        let command = EndSession { reason };
        let (loaded, events) =
            self.decide::<Session, _>(asked, &session.to_string(), &command).await?;
        Ok(commit.append(&loaded, events))
    }
}

/// Takes sessions off a person's list. Nobody may sign in between the look at it and the commit.
pub(super) fn unlisting<'a>(
    commit: Commit<'a>,
    sign_ins: &Loaded<SignIns>,
    sessions: &[SessionId],
) -> Result<Commit<'a>, CommandError> {
    let mut events = Vec::new();
    for session in sessions {
        events.extend(RemoveSession { session: *session }.decide(&sign_ins.state)?);
    }
    Ok(if events.is_empty() { commit.expecting(sign_ins) } else { commit.append(sign_ins, events) })
}
