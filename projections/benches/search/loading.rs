//! Gets the casks into the read models, once for each folder of data.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::casks::write;
use crate::world::{Folded, Imported, World};

/// What was loaded and how long it took; it stands in a file beside the data.
#[derive(Serialize, Deserialize)]
pub struct Loaded {
    pub casks: u64,
    pub imported: Imported,
    pub folded: Folded,
}

pub async fn load(world: &World) -> Loaded {
    let note = world.path("loaded.json");
    if let Ok(text) = std::fs::read_to_string(&note) {
        let loaded: Loaded = serde_json::from_str(&text).unwrap();
        // A read model may have another version since.
        if world.fold(loaded.casks).await.seconds > 5.0 {
            world.settle().await;
        }
        world.warm_up().await;
        return loaded;
    }
    let (owner, count) = (world.owner().await, crate::casks());
    let (file, began) = (world.path("casks.csv"), Instant::now());
    write(&file, count);
    eprintln!("{count} casks are written to a file, {:.1?}", began.elapsed());
    let imported = world.import(&file, owner).await;
    let folded = world.fold(count).await;
    world.settle().await;
    let loaded = Loaded { casks: count, imported, folded };
    world.warm_up().await;
    std::fs::write(note, serde_json::to_string(&loaded).unwrap()).unwrap();
    loaded
}
