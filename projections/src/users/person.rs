//! What an event makes of a person. What is sealed in it is opened when the row is wanted, and not
//! before: of a long past, only what is left of it.

use domain::id::TenantId;
use domain::language::Language;
use domain::personal::{Personal, SealedRef};
use domain::user::{Name, UserEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;
use eventstore::vault::{Vault, VaultError};

use super::{UserRow, at};

/// A person between two events.
pub(crate) struct Person {
    row: UserRow,
    sealed: Sealed,
}

/// What stands in the row once it is opened.
#[derive(Default)]
struct Sealed {
    email: Option<SealedRef>,
    username: Option<SealedRef>,
    full_name: Option<SealedRef>,
    phone: Option<SealedRef>,
}

impl From<UserRow> for Person {
    fn from(row: UserRow) -> Self {
        Self { row, sealed: Sealed::default() }
    }
}

fn reference<T>(datum: Option<Personal<T>>) -> Option<SealedRef> {
    datum.and_then(|datum| datum.sealed().cloned())
}

impl Person {
    /// The person after an event; nobody, as long as nobody has registered.
    pub(crate) fn after(
        before: Option<Self>,
        event: &Recorded,
        happened: UserEvent,
    ) -> Result<Option<Self>, Undecodable> {
        let mut person = match before {
            Some(person) => person,
            None => Self::nobody(event)?,
        };
        let registered = matches!(happened, UserEvent::UserRegistered { .. });
        if person.row.sequence == 0 && !registered {
            return Ok(None);
        }
        person.change(event, happened);
        person.row.sequence = event.sequence;
        Ok(Some(person))
    }

    fn nobody(event: &Recorded) -> Result<Self, Undecodable> {
        Ok(Self::from(UserRow {
            user_id: event.id()?,
            sequence: 0,
            status: "PENDING".to_owned(),
            roles: Vec::new(),
            email: None,
            username: None,
            full_name: None,
            phone: None,
            language: String::new(),
            registered_at: at(event.metadata.occurred_at),
            email_verified_at: None,
            locked_until: None,
        }))
    }

    fn change(&mut self, event: &Recorded, happened: UserEvent) {
        let Self { row, sealed } = self;
        match happened {
            UserEvent::UserRegistered { email, username, full_name, phone, language, .. } => {
                row.language = language.tag().to_owned();
                sealed.email = reference(Some(email));
                sealed.username = reference(username);
                sealed.full_name = reference(full_name);
                sealed.phone = reference(phone);
            }
            UserEvent::EmailVerified {} => {
                row.status = "ACTIVE".to_owned();
                row.roles = vec!["member".to_owned()];
                row.email_verified_at = Some(at(event.metadata.occurred_at));
            }
            UserEvent::RoleAssigned { role } => row.roles.push(role.name().to_owned()),
            UserEvent::UserStatusChanged { status } => row.status = status.name().to_owned(),
            UserEvent::AccountLocked { until, .. } => row.locked_until = Some(at(until)),
            UserEvent::AccountUnlocked {} | UserEvent::PasswordReset { .. } => {
                row.locked_until = None;
            }
            UserEvent::NameWithdrawn { name: Name::Username } => {
                (row.username, sealed.username) = (None, None);
            }
            UserEvent::NameWithdrawn { name: Name::Phone } => {
                (row.phone, sealed.phone) = (None, None);
            }
            UserEvent::ProfileChanged { username, full_name, phone, language } => {
                sealed.username = reference(username).or(sealed.username.take());
                sealed.full_name = reference(full_name).or(sealed.full_name.take());
                sealed.phone = reference(phone).or(sealed.phone.take());
                if let Some(language) = language.map(Language::tag) {
                    row.language = language.to_owned();
                }
            }
            UserEvent::UserErased {} => self.erase(),
            UserEvent::RegistrationAttempted { .. }
            | UserEvent::EmailVerificationRequested { .. }
            | UserEvent::PasswordResetRequested { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::PasswordExpiryAnnounced { .. }
            | UserEvent::PasswordRehashed { .. } => {}
        }
    }

    fn erase(&mut self) {
        self.sealed = Sealed::default();
        self.row.status = "ERASED".to_owned();
        self.row.roles.clear();
        self.row.locked_until = None;
        let row = &mut self.row;
        for personal in [&mut row.email, &mut row.username, &mut row.full_name, &mut row.phone] {
            *personal = None;
        }
    }

    /// The row, with what can still be opened.
    pub(crate) async fn opened(
        self,
        vault: &Vault,
        tenant: TenantId,
    ) -> Result<UserRow, VaultError> {
        let Self { mut row, sealed } = self;
        let columns = [
            (&mut row.email, sealed.email),
            (&mut row.username, sealed.username),
            (&mut row.full_name, sealed.full_name),
            (&mut row.phone, sealed.phone),
        ];
        let sealed = columns.into_iter().filter_map(|(column, sealed)| Some((column, sealed?)));
        let (columns, sealed): (Vec<_>, Vec<_>) = sealed.unzip();
        for (column, text) in columns.into_iter().zip(vault.open_texts(tenant, &sealed).await?) {
            *column = text;
        }
        Ok(row)
    }
}
