//! Lets Tauri read `tauri.conf.json` and what the window is allowed to do.

fn main() {
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("src-tauri/capabilities/*.json");
    tauri_build::try_build(attributes)
        .expect("tauri.conf.json, icons/ and src-tauri/capabilities/ are in order");
}
