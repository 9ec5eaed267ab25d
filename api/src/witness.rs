//! `caskchain witness`: a partner's own, for logs of this platform and of others. C2SP `tlog-witness`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eventstore::Clock;
use eventstore::Entropy;
use eventstore::ledger::key::{Kind, SigningKey, VerifierKey};
use eventstore::ledger::witness::{Refusal, Request, Witness};
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::middleware::{CatchPanic, SizeLimit};
use poem::web::Data;
use poem::{EndpointExt, IntoResponse, Response, Route, Server, get, handler, post};
use tokio_util::sync::CancellationToken;

use crate::kept::kept_secret;
use crate::serve::told_to_stop;
use crate::wiring::StartError;

/// A request is a proof and a note.
const LONGEST_REQUEST: usize = 64 * 1024;

/// Connections over which nothing comes or goes for so long are closed.
const IDLE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Arguments {
    /// What the witness is called: a host's name and a path, without a scheme.
    #[arg(long)]
    name: String,
    /// Verifier keys of the logs it signs for.
    #[arg(long, required = true)]
    log: Vec<VerifierKey>,
    /// Where it keeps its key and what it signed last. Whoever loses it needs a new name.
    #[arg(long, default_value = "witness")]
    folder: PathBuf,
    #[arg(long, default_value = "127.0.0.1:3002")]
    listen: SocketAddr,
}

#[derive(Clone)]
struct Serving {
    witness: Arc<Witness>,
    clock: Clock,
}

pub async fn run(arguments: Arguments) -> Result<(), StartError> {
    let key = key(&arguments.name, &arguments.folder)?;
    println!("{}", key.public());
    let folder = arguments.folder.join("heads");
    let witness = Arc::new(Witness { key, logs: arguments.log, folder });
    let serving = Serving { witness, clock: Clock::system() };
    let routes = Route::new()
        .at("/add-checkpoint", post(add_checkpoint).with(SizeLimit::new(LONGEST_REQUEST)))
        .at("/key", get(public_key))
        .data(serving)
        .with(CatchPanic::new());
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let told = told_to_stop()?;
    tokio::spawn(async move {
        told.await;
        stopping.cancel();
    });
    Server::new(TcpListener::bind(arguments.listen))
        .idle_timeout(IDLE)
        .run_with_graceful_shutdown(routes, stop.cancelled_owned(), None)
        .await
        .map_err(StartError::of)
}

/// Made when it is first needed.
fn key(name: &str, folder: &Path) -> Result<SigningKey, StartError> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let seed = kept_secret(folder, "key", |entropy: &Entropy| {
        entropy.bytes::<32>().map(|bytes| STANDARD.encode(bytes))
    })?;
    SigningKey::parse(name, Kind::Checkpoints, &seed).map_err(StartError::of)
}

#[handler]
fn public_key(serving: Data<&Serving>) -> String {
    format!("{}\n", serving.witness.key.public())
}

/// Answers with the signature, or as the specification has it.
#[handler]
async fn add_checkpoint(serving: Data<&Serving>, body: String) -> Response {
    let Some(request) = Request::parse(&body) else {
        return refused(&Refusal::Malformed);
    };
    let seconds = u64::try_from(serving.clock.now().unix_s()).unwrap_or_default();
    let witness = Arc::clone(&serving.witness);
    // Its files are waited for on a thread of its own.
    let signing = tokio::task::spawn_blocking(move || witness.sign(&request, seconds));
    match signing.await {
        Ok(Ok(signature)) => format!("{signature}\n").into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::Unsigned => StatusCode::FORBIDDEN,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::Unproven => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Forgetful(error) => {
            tracing::error!(%error, "nothing is signed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        // The log asks again from here.
        Refusal::Conflict(size) => {
            return Response::builder()
                .status(StatusCode::CONFLICT)
                .content_type("text/x.tlog.size")
                .body(format!("{size}\n"));
        }
    };
    Response::builder().status(status).body(format!("{refusal}\n"))
}
