//! Tokens as the OAuth standards ask for them, for services: RFC 7662 and RFC 7009. Their shapes are
//! the standards', not the envelope's.

use commands::Commands;
use commands::outside::refresh_tokens::Shown;
use commands::outside::tokens::Claims;
use commands::session::Which;
use domain::id::{SessionId, TenantId, UserId};
use domain::permission::Actor;
use domain::session::EndReason;
use poem::http::StatusCode;
use poem::web::{Data, Form, Json};
use poem::{IntoResponse, Response, handler};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::asking::{self, Headers};
use crate::http::authentication::Believer;
use crate::http::problem::Problem;
use crate::http::service::ServiceCaller;

/// What these two need.
#[derive(Clone)]
pub struct OAuth2 {
    pub commands: Commands,
    pub believer: Believer,
}

/// A hint may come with it; both kinds of token are told apart without one.
#[derive(Deserialize)]
pub struct TokenForm {
    token: SecretString,
}

/// What a token is worth: RFC 7662. One that is not believed is an answer, and says no more.
#[handler]
pub async fn introspect(
    _service: ServiceCaller,
    oauth2: Data<&OAuth2>,
    form: poem::Result<Form<TokenForm>>,
) -> Result<Response, Problem> {
    let Ok(Form(form)) = form else {
        return Ok(invalid_request());
    };
    let answer = match oauth2.commands.refresh_tokens.check(&form.token) {
        Some(shown) => oauth2.refresh_token(shown).await?,
        None => oauth2.access_token(&form.token).await?,
    };
    Ok(Json(answer).into_response())
}

/// Ends the session a token belongs to: RFC 7009. A token that is worth nothing is no mistake.
#[handler]
pub async fn revoke(
    _service: ServiceCaller,
    oauth2: Data<&OAuth2>,
    form: poem::Result<Form<TokenForm>>,
) -> Result<Response, Problem> {
    let Ok(Form(form)) = form else {
        return Ok(invalid_request());
    };
    let (commands, believer) = (&oauth2.commands, &oauth2.believer);
    match commands.refresh_tokens.check(&form.token) {
        Some(shown) => {
            if let Some(user) = commands.session(shown.tenant, shown.session).await?.user() {
                oauth2.end(shown.tenant, user, shown.session).await?;
            }
        }
        None => {
            if let Ok(claims) = believer.judge(form.token.expose_secret()).await? {
                oauth2.end(claims.tenant_id, claims.sub, claims.sid).await?;
            }
        }
    }
    Ok(StatusCode::OK.into_response())
}

impl OAuth2 {
    async fn access_token(&self, token: &SecretString) -> Result<Value, Problem> {
        Ok(match self.believer.judge(token.expose_secret()).await? {
            Ok(claims) => described(&claims),
            Err(_) => inactive(),
        })
    }

    async fn refresh_token(&self, shown: Shown) -> Result<Value, Problem> {
        let session = self.commands.session(shown.tenant, shown.session).await?;
        Ok(match session.open_at(self.believer.clock.now()) {
            Ok(open) if open.generation == shown.generation => json!({
                "active": true,
                "token_type": "refresh_token",
                "iss": self.believer.tokens.issuer(),
                "sub": open.user.to_string(),
                "exp": open.ends_at().unix_s(),
                "sid": shown.session.to_string(),
                "tenantId": shown.tenant.to_string(),
            }),
            Ok(_) | Err(_) => inactive(),
        })
    }

    async fn end(&self, tenant: TenantId, user: UserId, session: SessionId) -> Result<(), Problem> {
        let actor = Actor::System { tenant, name: "service" };
        let asked = asking::asked(actor, Headers::default(), Vec::new())?;
        let which = Which::One(session);
        self.commands.end_sessions_of(&asked, user, which, EndReason::Revoked).await?;
        Ok(())
    }
}

fn described(claims: &Claims) -> Value {
    json!({
        "active": true,
        "token_type": "Bearer",
        "scope": claims.permissions.join(" "),
        "iss": claims.iss,
        "aud": claims.aud,
        "sub": claims.sub.to_string(),
        "exp": claims.exp,
        "iat": claims.iat,
        "jti": claims.jti,
        "sid": claims.sid.to_string(),
        "tenantId": claims.tenant_id.to_string(),
    })
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn invalid_request() -> Response {
    let body = Json(json!({ "error": "invalid_request" }));
    body.with_status(StatusCode::BAD_REQUEST).into_response()
}
