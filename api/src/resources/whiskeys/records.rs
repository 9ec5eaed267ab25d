//! What is recorded of a cask as long as there is one: value, measures, place, condition; and its end.

use commands::{Commands, Done};
use domain::fixed::Fixed;
use domain::id::WhiskeyId;
use domain::whiskey::RetireReason;
use domain::whiskey::details::{Money, StorageLocation};
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::whiskey_id;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Needed, Violations};
use crate::http::problem::Problem;
use crate::http::values::{Decimal, Text};
use crate::resources::Tag;

pub struct Records {
    pub commands: Commands,
}

/// The cask it was recorded of.
#[derive(Object)]
struct Noted {
    id: String,
}

fn noted(done: &Done<WhiskeyId>) -> Found<Noted> {
    Found::new(Noted { id: done.answer.to_string() }).done(done)
}

#[derive(Object)]
struct ValuationBody {
    value: Needed<Money>,
}

impl Checked for ValuationBody {
    type Value = Money;

    fn check(self, violations: &mut Violations) -> Option<Money> {
        violations.required("value", self.value)
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RegaugeBody {
    /// Bulk litres at 20 °C.
    volume: Needed<Decimal<2, 0, 10_000>>,
    /// Percent of volume at 20 °C.
    alcohol_content: Needed<Decimal<2, 0, 100>>,
}

impl Checked for RegaugeBody {
    type Value = (Fixed<2>, Fixed<2>);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let volume = violations.required("volume", self.volume);
        let alcohol_content = violations.required("alcoholContent", self.alcohol_content);
        Some((volume?.0, alcohol_content?.0))
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct MovementBody {
    storage_location: Needed<StorageLocation>,
}

impl Checked for MovementBody {
    type Value = StorageLocation;

    fn check(self, violations: &mut Violations) -> Option<StorageLocation> {
        violations.required("storageLocation", self.storage_location)
    }
}

#[derive(Object)]
struct ConditionBody {
    condition: Needed<Text<1000>>,
}

impl Checked for ConditionBody {
    type Value = String;

    fn check(self, violations: &mut Violations) -> Option<String> {
        violations.required("condition", self.condition).map(|text| text.0)
    }
}

#[derive(Object)]
struct RetireBody {
    reason: Needed<RetireReason>,
}

impl Checked for RetireBody {
    type Value = RetireReason;

    fn check(self, violations: &mut Violations) -> Option<RetireReason> {
        violations.required("reason", self.reason)
    }
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Records {
    /// Value a cask
    #[oai(path = "/whiskeys/:id/valuations", method = "post", operation_id = "revalue_whiskey")]
    async fn revalue_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<ValuationBody>,
    ) -> Result<Found<Noted>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let id = whiskey_id(&id.0)?;
        Ok(noted(&self.commands.revalue_whiskey(&asked, id, body.value).await?))
    }

    /// Measure a cask again
    ///
    /// Litres of pure alcohol may fall and never rise.
    #[oai(path = "/whiskeys/:id/regauges", method = "post", operation_id = "regauge_whiskey")]
    async fn regauge_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RegaugeBody>,
    ) -> Result<Found<Noted>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let (id, (volume, content)) = (whiskey_id(&id.0)?, body.value);
        Ok(noted(&self.commands.regauge_whiskey(&asked, id, volume, content).await?))
    }

    /// Move a cask
    #[oai(path = "/whiskeys/:id/movements", method = "post", operation_id = "move_whiskey")]
    async fn move_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<MovementBody>,
    ) -> Result<Found<Noted>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let id = whiskey_id(&id.0)?;
        Ok(noted(&self.commands.move_whiskey(&asked, id, body.value).await?))
    }

    /// Report what a cask was found like
    #[oai(
        path = "/whiskeys/:id/condition-reports",
        method = "post",
        operation_id = "report_condition"
    )]
    async fn report_condition(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<ConditionBody>,
    ) -> Result<Found<Noted>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let id = whiskey_id(&id.0)?;
        Ok(noted(&self.commands.report_condition(&asked, id, body.value).await?))
    }

    /// Take a cask out of the register: bottled, lost or withdrawn
    #[oai(path = "/whiskeys/:id/retire", method = "post", operation_id = "retire_whiskey")]
    async fn retire_whiskey(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<RetireBody>,
    ) -> Result<Found<Noted>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let id = whiskey_id(&id.0)?;
        Ok(noted(&self.commands.retire_whiskey(&asked, id, body.value).await?))
    }
}
