//! The letters there are, and what each of them has to say beside its text.

use domain::language::Language;
use domain::moment::Moment;
use fluent_bundle::FluentArgs;

use super::said::Said;

/// One list for the type, the names of the texts and the names of their variables, so that the
/// tests know of a letter as soon as there is one.
macro_rules! letters {
    ($( $(#[$doc:meta])* $name:ident = $id:literal { $( $variable:ident: $kind:ty ),* } )*) => {
        /// A letter to one person. It cannot be printed by accident: some hold secrets.
        pub enum Letter {
            $( $(#[$doc])* $name { $( $variable: $kind ),* }, )*
        }

        impl Letter {
            /// The message that has its text, in every language.
            pub(super) const fn id(&self) -> &'static str {
                match self { $( Self::$name { .. } => $id, )* }
            }

            pub(super) fn variables(&self, language: Language) -> FluentArgs<'static> {
                let mut variables = FluentArgs::new();
                match self {
                    $( Self::$name { $( $variable ),* } => {
                        $( variables.set(stringify!($variable), $variable.said(language)); )*
                    } )*
                }
                variables
            }

            /// One of each.
            #[cfg(test)]
            pub(super) fn samples(text: &str) -> Vec<Self> {
                use super::said::Sample;
                vec![ $( Self::$name { $( $variable: Sample::sample(text) ),* } ),* ]
            }
        }
    };
}

letters! {
    Verification = "verification" { link: String, until: Moment }
    AlreadyRegistered = "already-registered" {}
    PasswordReset = "password-reset" { token: String, until: Moment }
    AccountLocked = "account-locked" { until: Moment }
    SignInCode = "sign-in-code" { code: String, until: Moment }
    /// `device` is the name its owner gave it, or the user agent.
    NewDevice = "new-device" { device: String, address: String, at: Moment }
    /// A refresh token was shown after it had been replaced; its session was ended.
    TokenReused = "token-reused" { at: Moment }
    /// A week before.
    PasswordExpires = "password-expires" { until: Moment }
    PasswordChanged = "password-changed" { at: Moment }
    /// `cask` is its name and number. The first line of each of these is a message of its own.
    CaskApproved = "cask-approved" { cask: String }
    CaskRejected = "cask-rejected" { cask: String, reason: String }
    CaskOffered = "cask-offered" { cask: String }
    CaskHandedOver = "cask-handed-over" { cask: String }
    CaskTokenised = "cask-tokenised" { cask: String, network: String }
    CaskNotTokenised = "cask-not-tokenised" { cask: String, network: String }
    CaskRetired = "cask-retired" { cask: String }
    CaskRecorded = "cask-recorded" { cask: String }
}
