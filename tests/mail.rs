//! Mail by SMTP: what is asked for is sent, also when the server was away.

use serde_json::json;

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
