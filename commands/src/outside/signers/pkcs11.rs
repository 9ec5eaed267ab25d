//! A key in hardware, by PKCS#11. It signs there; nothing but its signatures comes out.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Cryptoki, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use domain::nft::address::EvmAddress;
use k256::ecdsa::{Signature as Signed, VerifyingKey};
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::signature::address_of;
use super::{DigestSigner, Signature, SignerError};

/// With what waits before it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The whole of finding the library, the token and the key.
const OPENING: Duration = Duration::from_secs(30);
/// What may wait for the hardware.
const WAITING: usize = 16;
/// The curve by its name, as DER has it: 1.3.132.0.10.
const SECP256K1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];

#[derive(Clone, Debug)]
pub struct HsmSettings {
    /// The vendor's library.
    pub library: PathBuf,
    /// The token's label.
    pub token: String,
    /// The label of the key pair.
    pub key: String,
    pub pin: SecretString,
}

/// A key in a token. The vendor's library blocks, and may do so for ever: a thread of its own calls
/// it, and nothing waits for that thread at the end.
#[derive(Debug)]
pub struct Hsm {
    address: EvmAddress,
    asks: mpsc::Sender<Ask>,
    patience: Duration,
}

#[derive(Debug)]
struct Ask {
    digest: [u8; 32],
    answer: oneshot::Sender<Result<Signed, SignerError>>,
}

impl Hsm {
    pub async fn open(settings: HsmSettings) -> Result<Self, SignerError> {
        let (asks, asked) = mpsc::channel(WAITING);
        let (opened, opening) = oneshot::channel();
        std::thread::Builder::new()
            .name("hsm".to_owned())
            .spawn(move || serve(settings, opened, asked))
            .map_err(|error| SignerError::Unavailable(error.to_string()))?;
        let opened = timeout(OPENING, opening).await.map_err(|_| too_slow())?;
        Ok(Self { address: opened.map_err(|_| gone())??, asks, patience: PATIENCE })
    }

    async fn ask(&self, digest: [u8; 32]) -> Result<Signed, SignerError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { digest, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

#[async_trait]
impl DigestSigner for Hsm {
    fn address(&self) -> EvmAddress {
        self.address
    }

    async fn sign(&self, digest: [u8; 32]) -> Result<Signature, SignerError> {
        let signed = timeout(self.patience, self.ask(digest)).await.map_err(|_| too_slow())??;
        Signature::of(self.address, &digest, signed)
    }
}

fn too_slow() -> SignerError {
    SignerError::Unavailable("no answer in time from the HSM".to_owned())
}

fn gone() -> SignerError {
    SignerError::Unavailable("nobody asks the HSM any more".to_owned())
}

/// The thread: signs until nobody can ask any more.
fn serve(
    settings: HsmSettings,
    opened: oneshot::Sender<Result<EvmAddress, SignerError>>,
    mut asked: mpsc::Receiver<Ask>,
) {
    let mut token = match Token::open(settings) {
        Ok(token) => token,
        Err(error) => {
            let _ = opened.send(Err(error));
            return;
        }
    };
    if opened.send(Ok(token.address)).is_err() {
        return;
    }
    while let Some(Ask { digest, answer }) = asked.blocking_recv() {
        // Whoever has given up must not hold up the others.
        if !answer.is_closed() {
            let _ = answer.send(token.sign(&digest));
        }
    }
}

struct Token {
    library: Pkcs11,
    settings: HsmSettings,
    address: EvmAddress,
    /// None after an error, until the next one asks.
    attached: Option<Attached>,
    /// Why it must not be tried again: a token counts wrong PINs, and locks itself.
    locked_out: Option<SignerError>,
}

struct Attached {
    session: Session,
    key: ObjectHandle,
    address: EvmAddress,
}

impl Token {
    fn open(settings: HsmSettings) -> Result<Self, SignerError> {
        let library = Pkcs11::new(&settings.library).map_err(|error| {
            let library = settings.library.display();
            SignerError::Unusable(format!("the PKCS#11 library {library}: {error}"))
        })?;
        let attached = attach(&library, &settings)?;
        let address = attached.address;
        Ok(Self { library, settings, address, attached: Some(attached), locked_out: None })
    }

    fn sign(&mut self, digest: &[u8; 32]) -> Result<Signed, SignerError> {
        if let Some(SignerError::Unusable(why)) = &self.locked_out {
            return Err(SignerError::Unusable(why.clone()));
        }
        let attached = match self.attached.take() {
            Some(attached) => attached,
            None => self.attach_again()?,
        };
        let signed = attached.session.sign(&Mechanism::Ecdsa, attached.key, digest);
        let signed = signed.map_err(failed)?;
        self.attached = Some(attached);
        Signed::from_slice(&signed).map_err(|_| SignerError::Foreign)
    }

    fn attach_again(&mut self) -> Result<Attached, SignerError> {
        let attached = attach(&self.library, &self.settings);
        if let Err(SignerError::Unusable(why)) = &attached {
            self.locked_out = Some(SignerError::Unusable(why.clone()));
        }
        attached
    }
}

fn attach(library: &Pkcs11, settings: &HsmSettings) -> Result<Attached, SignerError> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Before, or for another key of the same library.
        Ok(()) | Err(Cryptoki::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(failed(error)),
    }
    let session = library.open_ro_session(slot(library, &settings.token)?).map_err(failed)?;
    match session.login(UserType::User, Some(&AuthPin::from(settings.pin.clone()))) {
        // In another session of this process.
        Ok(()) | Err(Cryptoki::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
        Err(error) => return Err(failed(error)),
    }
    let key = only(&session, ObjectClass::PRIVATE_KEY, &settings.key)?;
    let public = only(&session, ObjectClass::PUBLIC_KEY, &settings.key)?;
    let address = address_of(&public_key(&session, public)?);
    Ok(Attached { session, key, address })
}

fn slot(library: &Pkcs11, label: &str) -> Result<Slot, SignerError> {
    let slots = library.get_slots_with_token().map_err(failed)?;
    let is_it = |slot: &Slot| {
        library.get_token_info(*slot).is_ok_and(|token| token.label().trim_end() == label)
    };
    let mut found = slots.into_iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(slot), None) => Ok(slot),
        // It may be plugged in again.
        (None, _) => Err(SignerError::Unavailable(format!("there is no token {label:?}"))),
        (Some(_), Some(_)) => Err(SignerError::Unusable(format!("several tokens are {label:?}"))),
    }
}

fn only(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, SignerError> {
    let wanted = [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    match session.find_objects(&wanted).map_err(failed)?.as_slice() {
        [found] => Ok(*found),
        found => {
            let count = found.len();
            Err(SignerError::Unusable(format!("the token has {count} {class} {label:?}, not one")))
        }
    }
}

fn public_key(session: &Session, key: ObjectHandle) -> Result<VerifyingKey, SignerError> {
    let wanted = [AttributeType::EcParams, AttributeType::EcPoint];
    let (mut curve, mut point) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(key, &wanted).map_err(failed)? {
        match attribute {
            Attribute::EcParams(bytes) => curve = bytes,
            Attribute::EcPoint(bytes) => point = bytes,
            _ => {}
        }
    }
    if curve != SECP256K1 {
        return Err(SignerError::Unusable("the key is not of the curve secp256k1".to_owned()));
    }
    // An octet string that holds the point; some give the point as it is.
    let point = point.strip_prefix(&[0x04, 0x41]).unwrap_or(&point);
    VerifyingKey::from_sec1_bytes(point)
        .map_err(|_| SignerError::Unusable("the public key cannot be read".to_owned()))
}

/// What waits for a person, and what may pass.
fn failed(error: Cryptoki) -> SignerError {
    let why = error.to_string();
    match error {
        Cryptoki::Pkcs11(
            RvError::PinIncorrect
            | RvError::PinLocked
            | RvError::PinExpired
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::UserPinNotInitialized
            | RvError::MechanismInvalid
            | RvError::KeyFunctionNotPermitted,
            _,
        ) => SignerError::Unusable(why),
        _ => SignerError::Unavailable(why),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures::future::join_all;

    use super::super::signature::tests::is_signed_by;
    use super::super::softhsm;
    use super::*;

    const TOKEN: &str = "minting";
    const PIN: &str = "491625";
    const OTHER_PIN: &str = "364981";
    const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    /// Names the library to the process that is to use it.
    const LIBRARY: &str = "CASKCHAIN_SOFTHSM";
    const INSIDE: &str = "outside::signers::pkcs11::tests::inside";

    /// The library takes its settings from the environment, which no test may change for the others:
    /// a process of its own uses it.
    #[test]
    fn a_key_that_was_made_in_a_token_signs_there() {
        let folder = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", INSIDE])
            .env("SOFTHSM2_CONF", softhsm::configuration(folder.path()))
            .env(LIBRARY, softhsm::library(folder.path()))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("1 passed"), "{told}");
    }

    struct SoftHsm {
        library: Pkcs11,
        path: PathBuf,
    }

    impl SoftHsm {
        /// With a token, and keys that were made in it.
        fn new(path: &Path) -> Self {
            let library = Pkcs11::new(path).unwrap();
            let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
            library.initialize(arguments).unwrap();
            let slot = library.get_slots_with_token().unwrap()[0];
            let officer = AuthPin::from("5678".to_owned());
            library.init_token(slot, &officer, TOKEN).unwrap();
            let slot = library.get_slots_with_initialized_token().unwrap()[0];
            let session = library.open_rw_session(slot).unwrap();
            session.login(UserType::So, Some(&officer)).unwrap();
            session.init_pin(&AuthPin::from(PIN.to_owned())).unwrap();
            session.logout().unwrap();
            session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned()))).unwrap();
            for (label, curve) in
                [("first", &SECP256K1[..]), ("second", &SECP256K1), ("other curve", &P256)]
            {
                make(&session, label, curve);
            }
            drop(session);
            Self { library, path: path.to_owned() }
        }

        fn settings(&self, key: &str) -> HsmSettings {
            HsmSettings {
                library: self.path.clone(),
                token: TOKEN.to_owned(),
                key: key.to_owned(),
                pin: PIN.into(),
            }
        }

        fn session(&self) -> Session {
            self.library.open_rw_session(slot(&self.library, TOKEN).unwrap()).unwrap()
        }

        /// Everybody in this process is logged out with it.
        fn log_out(&self) {
            self.session().logout().unwrap();
        }

        /// No session outlives that.
        fn unload(&self) {
            self.library.clone().finalize().unwrap();
        }

        fn change_pin(&self, from: &str, to: &str) {
            let (from, to) = (AuthPin::from(from.to_owned()), AuthPin::from(to.to_owned()));
            self.session().set_pin(&from, &to).unwrap();
        }
    }

    fn make(session: &Session, label: &str, curve: &[u8]) {
        let label = Attribute::Label(label.as_bytes().to_vec());
        let public = [Attribute::Token(true), label.clone(), Attribute::EcParams(curve.to_vec())];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label,
        ];
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
    }

    async fn signs(hsm: &Hsm, byte: u8) {
        let signature = hsm.sign([byte; 32]).await.unwrap();
        assert!(is_signed_by(&signature, &[byte; 32], hsm.address()));
        assert!(Signed::from_scalars(signature.r, signature.s).unwrap().normalize_s().is_none());
    }

    #[tokio::test]
    #[ignore = "the test above runs it, in a process of its own"]
    async fn inside() {
        let Ok(path) = std::env::var(LIBRARY) else { return };
        let token = SoftHsm::new(Path::new(&path));
        what_is_wrong_is_told(&token).await;

        let first = Hsm::open(token.settings("first")).await.unwrap();
        let second = Hsm::open(token.settings("second")).await.unwrap();
        assert_ne!(first.address(), second.address());
        join_all((0..64).flat_map(|byte| [signs(&first, byte), signs(&second, byte)])).await;

        a_lost_session_is_opened_again(&token, &first).await;
        a_wrong_pin_is_tried_once(&token, &first).await;
    }

    async fn what_is_wrong_is_told(token: &SoftHsm) {
        let good = token.settings("first");
        let cases = [
            (
                HsmSettings { pin: OTHER_PIN.into(), ..good.clone() },
                "The specified PIN is incorrect",
            ),
            (token.settings("none"), "the token has 0 CKO_PRIVATE_KEY \"none\", not one"),
            (token.settings("other curve"), "the key is not of the curve secp256k1"),
            (
                HsmSettings { library: "/nowhere/hsm.so".into(), ..good.clone() },
                "the PKCS#11 library /nowhere/hsm.so",
            ),
            (
                HsmSettings { token: "none".to_owned(), ..good.clone() },
                "there is no token \"none\"",
            ),
        ];
        for (settings, why) in cases {
            let error = Hsm::open(settings).await.unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains(OTHER_PIN), "{error}");
        }
    }

    async fn a_lost_session_is_opened_again(token: &SoftHsm, hsm: &Hsm) {
        for lose in [SoftHsm::log_out, SoftHsm::unload] {
            lose(token);
            assert!(matches!(hsm.sign([1; 32]).await, Err(SignerError::Unavailable(_))));
            signs(hsm, 1).await;
        }
    }

    /// A token that is asked again and again with a wrong one locks itself.
    async fn a_wrong_pin_is_tried_once(token: &SoftHsm, hsm: &Hsm) {
        token.change_pin(PIN, OTHER_PIN);
        token.log_out();
        assert!(matches!(hsm.sign([1; 32]).await, Err(SignerError::Unavailable(_))));
        assert!(matches!(hsm.sign([1; 32]).await, Err(SignerError::Unusable(_))));
        token.change_pin(OTHER_PIN, PIN);
        assert!(matches!(hsm.sign([1; 32]).await, Err(SignerError::Unusable(_))));
        signs(&Hsm::open(token.settings("first")).await.unwrap(), 1).await;
    }

    #[tokio::test]
    async fn hardware_that_hangs_is_not_waited_for() {
        let (asks, _asked) = mpsc::channel(1);
        let address = EvmAddress::from_bytes([1; 20]);
        let hsm = Hsm { address, asks, patience: Duration::from_millis(20) };
        // The second one does not even find room.
        for _ in 0..2 {
            assert_eq!(hsm.sign([1; 32]).await, Err(too_slow()));
        }
    }

    #[test]
    fn the_pin_is_not_shown() {
        let settings = HsmSettings {
            library: "/usr/lib/hsm.so".into(),
            token: TOKEN.to_owned(),
            key: "first".to_owned(),
            pin: PIN.into(),
        };
        assert!(!format!("{settings:?}").contains(PIN));
    }
}
