//! Makes the messages and the client of helloworld.Greeter; `protoc` must be installed.

fn main() -> std::io::Result<()> {
    let proto = "../../proto";
    println!("cargo:rerun-if-changed={proto}");
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&[format!("{proto}/helloworld/greeter.proto")], &[proto.to_string()])
}
