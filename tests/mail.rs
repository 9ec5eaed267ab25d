//! Mail by SMTP and by Mailjet: what is asked for is sent, also when that was not possible at once.

use serde_json::json;

use crate::world::mailjet::{self, Mailjet};
use crate::world::{MailServer, World, until};

#[tokio::test]
async fn mail_goes_out_by_smtp_and_waits_for_a_server_that_is_away() {
    let world = World::new().await;
    let mut smtp = MailServer::start().await;
    let server = world
        .server_with(&[
            ("CASKCHAIN_MAIL__SMTP_URL", &smtp.url()),
            ("CASKCHAIN_MAIL__FROM", "CaskChain <no-reply@casks.example>"),
        ])
        .await;
    let isla = server.visitor();
    isla.post("/api/v1/auth/register", isla.registration("Isla")).await.expect(201);
    let letter = until("a letter comes", || async { smtp.mails().pop() }).await;
    assert!(letter.contains(&format!("To: {}", isla.email)), "{letter}");
    assert!(letter.contains("From: CaskChain <no-reply@casks.example>"), "{letter}");
    assert!(letter.contains("Message-ID: <caskchain."), "{letter}");
    // Lines of a mail are short: quoted-printable breaks them with an equals sign.
    let body = letter.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let link = body.lines().find(|line| line.starts_with("http")).unwrap();
    let path = link.trim().split_once("/api/").unwrap().1;

    smtp.stop();
    isla.get(&format!("/api/{path}")).await.expect(200);
    let forgot = json!({ "email": isla.email });
    isla.post("/api/v1/auth/password/forgot", forgot).await.expect(202);
    smtp.start_again().await;
    until("the second letter comes", || async {
        let mails = smtp.mails();
        let letters = mails.iter().filter(|mail| mail.contains("Subject: A new password"));
        (letters.count() == 1 && mails.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn mail_goes_out_by_mailjet_and_waits_while_the_keys_are_wrong() {
    let world = World::new().await;
    let mailjet = Mailjet::start().await;
    let server = world
        .server_with(&[
            ("CASKCHAIN_MAIL__MAILJET_URL", &mailjet.url()),
            ("CASKCHAIN_MAIL__MAILJET_KEY", mailjet::KEY),
            ("CASKCHAIN_MAIL__MAILJET_SECRET", mailjet::SECRET),
            ("CASKCHAIN_MAIL__FROM", "CaskChain <no-reply@casks.example>"),
        ])
        .await;
    mailjet.lock(true);
    let isla = server.visitor();
    isla.post("/api/v1/auth/register", isla.registration("Isla")).await.expect(201);
    until("keys are refused", || async { (mailjet.rejected() > 1).then_some(()) }).await;
    assert!(mailjet.accepted().is_empty());

    mailjet.lock(false);
    let letter = until("the letter comes", || async { mailjet.accepted().pop() }).await;
    assert_eq!(letter["To"], json!([{ "Email": isla.email }]));
    let from = json!({ "Email": "no-reply@casks.example", "Name": "CaskChain" });
    assert_eq!(letter["From"], from);
    assert_eq!(letter["Subject"], "Verify your e-mail address");
    assert!(letter["CustomID"].as_str().unwrap().starts_with("caskchain."), "{letter}");
    let body = letter["TextPart"].as_str().unwrap();
    let link = body.lines().find(|line| line.starts_with("http")).unwrap();
    let path = link.split_once("/api/").unwrap().1;
    isla.get(&format!("/api/{path}")).await.expect(200);
    assert_eq!(mailjet.accepted().len(), 1);
}
