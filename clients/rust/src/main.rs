//! Calls all four methods of helloworld.Greeter with tonic, then shows metadata, a deadline, a cancellation, an error
//! with details and compression.
//!
//!     greeter-client --address localhost:50051 [--ca FILE]
//!
//! Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.

use std::{env, error::Error, fmt::Debug, fs, process::ExitCode, time::Duration};

use helloworld::{HelloReply, HelloRequest, greeter_client::GreeterClient};
use tokio_stream::{StreamExt, iter, pending};
use tonic::{
    Code, Request, Status, Streaming,
    codec::CompressionEncoding,
    metadata::MetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;

mod helloworld {
    tonic::include_proto!("helloworld");
}

const NAMES: [&str; 3] = ["Ada", "Grace", "Edsger"];

type Outcome = Result<String, Box<dyn Error>>;

async fn unary(mut greeter: GreeterClient<Channel>) -> Outcome {
    for (name, wanted) in [("", "Hello, world!"), ("Ada", "Hello, Ada!")] {
        let reply = greeter.say_hello(hello(name)).await?.into_inner();
        expect(reply.message == wanted, &reply)?;
    }
    Ok("Hello, Ada!".into())
}

async fn server_streaming(mut greeter: GreeterClient<Channel>) -> Outcome {
    let call = greeter.say_hello_stream_reply(hello("Ada")).await?;
    let replies = receive_all(call.into_inner()).await?;
    expect(replies.len() > 1 && replies.iter().all(|text| text.contains("Ada")), &replies)?;
    Ok(replies.join(" | "))
}

async fn bidirectional(mut greeter: GreeterClient<Channel>) -> Outcome {
    let call = greeter.say_hello_bidi_stream(iter(NAMES.map(hello))).await?;
    let replies = receive_all(call.into_inner()).await?;
    expect(replies == NAMES.map(|name| format!("Hello, {name}!")), &replies)?;
    Ok(replies.join(" "))
}

async fn client_streaming(mut greeter: GreeterClient<Channel>) -> Outcome {
    let reply = greeter.say_hello_to_all(iter(NAMES.map(hello))).await?.into_inner();
    expect(NAMES.iter().all(|name| reply.message.contains(name)), &reply)?;
    Ok(reply.message)
}

/// The server sends the metadatum x-request-id back, before its reply. A value of bytes has a key that ends in -bin.
async fn metadata(mut greeter: GreeterClient<Channel>) -> Outcome {
    let mut request = Request::new(hello("Ada"));
    request.metadata_mut().insert("x-request-id", MetadataValue::from_static("rust-1"));
    request.metadata_mut().insert_bin("trace-bin", MetadataValue::from_bytes(&[1, 2, 3]));
    let reply = greeter.say_hello(request).await?;
    let received = reply.metadata().get("x-request-id");
    expect(received.is_some_and(|id| id == "rust-1"), received)?;
    Ok("x-request-id: rust-1 came back".into())
}

/// Until the first reply tonic's own timer ends a call, by the status Cancelled; after it, the server's word is heard.
async fn deadline(mut greeter: GreeterClient<Channel>) -> Outcome {
    let mut request = Request::new(iter([hello("Ada")]).chain(pending()));
    request.set_timeout(Duration::from_millis(200));
    let mut replies = greeter.say_hello_bidi_stream(request).await?.into_inner();
    let first = replies.message().await?;
    expect(first.is_some(), &first)?;
    let error = replies.message().await.err().ok_or("the call succeeded")?;
    expect(error.code() == Code::DeadlineExceeded, &error)?;
    Ok("a stream left open ended with DeadlineExceeded after 200 ms".into())
}

/// A call is cancelled when its future or its stream of replies is dropped, so there is no status to look at.
async fn cancellation(mut greeter: GreeterClient<Channel>) -> Outcome {
    let requests = iter([hello("Ada")]).chain(pending());
    let mut replies = greeter.say_hello_bidi_stream(requests).await?.into_inner();
    let first = replies.message().await?;
    expect(first.is_some(), &first)?;
    drop(replies);
    unary(greeter).await?;
    Ok("cancelled after the first reply".into())
}

async fn rich_error(mut greeter: GreeterClient<Channel>) -> Outcome {
    let error = greeter.say_hello(hello("a".repeat(10_001))).await.err().ok_or("the call succeeded")?;
    expect(error.code() == Code::InvalidArgument, &error)?;
    // Reads grpc-status-details-bin.
    let violations = error.get_details_bad_request().ok_or("no BadRequest came with it")?.field_violations;
    expect(violations.len() == 1 && violations[0].field == "name", &violations)?;
    Ok(format!("InvalidArgument, field name: {}", violations[0].description))
}

async fn compression(greeter: GreeterClient<Channel>) -> Outcome {
    let gzip = CompressionEncoding::Gzip;
    let mut greeter = greeter.send_compressed(gzip).accept_compressed(gzip);
    let name = "a".repeat(5_000);
    let reply = greeter.say_hello(hello(&name)).await?;
    let encoding = reply.metadata().get("grpc-encoding");
    expect(encoding.is_some_and(|encoding| encoding == "gzip"), encoding)?;
    let HelloReply { message } = reply.into_inner();
    expect(message == format!("Hello, {name}!"), &message)?;
    Ok("greeted a name of 5000 characters, sent and answered with gzip".into())
}

fn hello(name: impl Into<String>) -> HelloRequest {
    HelloRequest { name: name.into() }
}

async fn receive_all(mut replies: Streaming<HelloReply>) -> Result<Vec<String>, Status> {
    let mut messages = Vec::new();
    while let Some(reply) = replies.message().await? {
        messages.push(reply.message);
    }
    Ok(messages)
}

fn expect(condition: bool, got: impl Debug) -> Result<(), String> {
    if condition { Ok(()) } else { Err(format!("got {got:?}")) }
}

/// Prints how one step went; a macro, because the steps are functions of different types.
macro_rules! run_steps {
    ($greeter:expr, $($name:literal => $step:expr,)*) => {{
        let mut failed = 0;
        $(match $step($greeter.clone()).await {
            Ok(text) => println!("ok      {}: {text}", $name),
            Err(error) => {
                failed += 1;
                println!("FAILED  {}: {error}", $name);
            }
        })*
        failed
    }};
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let greeter = GreeterClient::new(open_channel()?);
    let failed = run_steps! { greeter,
        "SayHello, unary" => unary,
        "SayHelloStreamReply, server streaming" => server_streaming,
        "SayHelloBidiStream, bidirectional" => bidirectional,
        "SayHelloToAll, client streaming" => client_streaming,
        "metadata both ways" => metadata,
        "a deadline" => deadline,
        "a cancellation" => cancellation,
        "an error with details" => rich_error,
        "gzip" => compression,
    };
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open_channel() -> Result<Channel, Box<dyn Error>> {
    let mut address = "localhost:50051".to_string();
    let mut ca = None;
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(format!("{option} lacks its value"))?;
        match option.as_str() {
            "--address" => address = value,
            "--ca" => ca = Some(fs::read(value)?),
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let endpoint = match ca {
        None => Endpoint::from_shared(format!("http://{address}"))?,
        Some(pem) => Endpoint::from_shared(format!("https://{address}"))?
            .tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))?,
    };
    Ok(endpoint.timeout(Duration::from_secs(10)).connect_lazy())
}
