//! Lists the files of `maya_helper/`, so that the program carries them inside itself.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let helper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../maya_helper");
    let package = helper.join("maya_mcp_helper");
    println!("cargo::rerun-if-changed={}", package.display());
    let mut names: Vec<_> = fs::read_dir(&package)
        .expect("maya_helper/maya_mcp_helper stands beside crates/")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    names.sort();
    let mut rows = String::new();
    for path in &names {
        let name = path.file_name().expect("a listed file has a name").to_str().expect("plain names");
        writeln!(rows, "    ({name:?}, include_str!({:?})),", path.display().to_string())
            .expect("a String takes it");
    }
    let beside = |name: &str| helper.join(name).display().to_string();
    let (boot, carried) = (beside("boot.py"), beside("carried.py"));
    let text = format!(
        "pub const BOOT: &str = include_str!({boot:?});\npub const CARRIED: &str = include_str!({carried:?});\n\
         pub const PACKAGE: &[(&str, &str)] = &[\n{rows}];\n"
    );
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("helper_sources.rs");
    fs::write(out, text).expect("OUT_DIR is ours");
}
