//! A file of casks as houses of the trade would enter them: distilleries with their regions, names,
//! woods, tasting notes of a few hundred words, some of it in Chinese.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::chance::Chance;

/// With their regions; the first have more casks than the last.
pub const DISTILLERIES: [(&str, &str); 60] = [
    ("Macallan", "Speyside"),
    ("Glenfiddich", "Speyside"),
    ("Ardbeg", "Islay"),
    ("Lagavulin", "Islay"),
    ("Highland Park", "Orkney"),
    ("Springbank", "Campbeltown"),
    ("Caol Ila", "Islay"),
    ("Bowmore", "Islay"),
    ("Glenlivet", "Speyside"),
    ("Balvenie", "Speyside"),
    ("Laphroaig", "Islay"),
    ("Talisker", "Skye"),
    ("Bunnahabhain", "Islay"),
    ("Glenfarclas", "Speyside"),
    ("Mortlach", "Speyside"),
    ("Dalmore", "Highlands"),
    ("Oban", "Highlands"),
    ("Glenmorangie", "Highlands"),
    ("Aberlour", "Speyside"),
    ("Bruichladdich", "Islay"),
    ("Kilchoman", "Islay"),
    ("Clynelish", "Highlands"),
    ("Ben Nevis", "Highlands"),
    ("Craigellachie", "Speyside"),
    ("Linkwood", "Speyside"),
    ("Longmorn", "Speyside"),
    ("Benrinnes", "Speyside"),
    ("Blair Athol", "Highlands"),
    ("Glen Grant", "Speyside"),
    ("Auchentoshan", "Lowlands"),
    ("Glenkinchie", "Lowlands"),
    ("Bladnoch", "Lowlands"),
    ("Tobermory", "Mull"),
    ("Jura", "Jura"),
    ("Scapa", "Orkney"),
    ("Glen Scotia", "Campbeltown"),
    ("Edradour", "Highlands"),
    ("Deanston", "Highlands"),
    ("Tomatin", "Highlands"),
    ("Balblair", "Highlands"),
    ("Glen Ord", "Highlands"),
    ("Teaninich", "Highlands"),
    ("Royal Brackla", "Highlands"),
    ("Knockando", "Speyside"),
    ("Cardhu", "Speyside"),
    ("Cragganmore", "Speyside"),
    ("Dailuaine", "Speyside"),
    ("Inchgower", "Speyside"),
    ("Strathmill", "Speyside"),
    ("Mannochmore", "Speyside"),
    ("Buffalo Trace", "Kentucky"),
    ("Heaven Hill", "Kentucky"),
    ("Four Roses", "Kentucky"),
    ("Yamazaki", "Osaka"),
    ("Hakushu", "Yamanashi"),
    ("Yoichi", "Hokkaido"),
    ("Kavalan", "Yilan"),
    ("麥卡倫", "斯佩塞"),
    ("雅柏", "艾雷島"),
    ("噶瑪蘭", "宜蘭"),
];
pub const WOODS: [(&str, &str); 8] = [
    ("bourbon_barrel", "bourbon barrel"),
    ("hogshead", "refill hogshead"),
    ("sherry_butt", "sherry butt"),
    ("port_pipe", "port pipe"),
    ("puncheon", "oloroso puncheon"),
    ("madeira_drum", "madeira drum"),
    ("quarter_cask", "quarter cask"),
    ("other", "virgin oak"),
];
const CATEGORIES: [&str; 5] = ["single_malt", "blended_malt", "grain", "bourbon", "rye"];
const BOTTLERS: [&str; 8] = [
    "Signatory",
    "Gordon and MacPhail",
    "Cadenhead",
    "Duncan Taylor",
    "Hunter Laing",
    "Douglas Laing",
    "Berry Brothers",
    "Adelphi",
];
const TITLES: [&str; 12] = [
    "Reserve",
    "Heritage",
    "Old Particular",
    "Single Cask",
    "Cask Strength",
    "Founders Choice",
    "Winter Edition",
    "Harbour Master",
    "Golden Years",
    "Connoisseurs Pick",
    "Peated",
    "Triple Wood",
];
pub const NOTES: [&str; 60] = [
    "smoke",
    "brine",
    "heather",
    "honey",
    "vanilla",
    "toffee",
    "orange",
    "marmalade",
    "cinnamon",
    "nutmeg",
    "clove",
    "ginger",
    "raisin",
    "fig",
    "date",
    "plum",
    "cherry",
    "walnut",
    "almond",
    "hazelnut",
    "leather",
    "tobacco",
    "cedar",
    "sandalwood",
    "oak",
    "pine",
    "mint",
    "eucalyptus",
    "lemon",
    "grapefruit",
    "pineapple",
    "mango",
    "banana",
    "pear",
    "apple",
    "peach",
    "apricot",
    "chocolate",
    "coffee",
    "caramel",
    "fudge",
    "butter",
    "biscuit",
    "malt",
    "barley",
    "straw",
    "seaweed",
    "iodine",
    "tar",
    "ash",
    "charcoal",
    "bonfire",
    "earth",
    "moss",
    "mushroom",
    "beeswax",
    "polish",
    "rosewater",
    "lavender",
    "liquorice",
];
const PHRASES: [&str; 12] = [
    "opens with",
    "followed by",
    "a long finish of",
    "hints of",
    "waves of",
    "on the palate",
    "with water",
    "slowly turning to",
    "balanced by",
    "underneath lie",
    "the nose shows",
    "then",
];
const CHINESE_NAMES: [&str; 8] = [
    "雪莉桶典藏",
    "波本桶原酒",
    "泥煤風暴",
    "三桶熟成",
    "限量單桶",
    "經典珍藏",
    "初次裝桶",
    "海風",
];
pub const CHINESE_NOTES: [&str; 16] = [
    "果乾",
    "香料",
    "蜂蜜",
    "煙燻",
    "海鹽",
    "香草",
    "焦糖",
    "橙皮",
    "肉桂",
    "黑巧克力",
    "皮革",
    "菸草",
    "橡木",
    "堅果",
    "柑橘",
    "花香",
];
const OWN_WORDS: usize = 20_000;

const HEADER: &str = "name,brand,distillery,region,category,age,vintage,caskNumber,caskType,\
    fillDate,alcoholContent,volume,storageLocation.warehouse,storageLocation.position,condition,\
    marketValue.amount,marketValue.currency,description";

pub fn write(path: &Path, count: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{HEADER}").unwrap();
    let mut chance = Chance::new(1);
    for number in 0..count {
        writeln!(file, "{}", line(&mut chance, number)).unwrap();
    }
    file.flush().unwrap();
}

fn line(chance: &mut Chance, number: u64) -> String {
    let (distillery, region) = *chance.mostly_first(&DISTILLERIES);
    let (wood_word, wood) = *chance.mostly_first(&WOODS);
    let vintage = 1970 + chance.below(54);
    let is_chinese = !distillery.is_ascii() || chance.one_in(20);
    let name = match is_chinese {
        true => format!("{distillery}{}{vintage}", chance.of(&CHINESE_NAMES)),
        false => format!("{distillery} {vintage} {} {wood}", chance.of(&TITLES)),
    };
    let brand = if chance.one_in(3) { chance.of(&BOTTLERS) } else { "" };
    let age = if chance.one_in(10) {
        String::new()
    } else {
        (2026 - vintage - chance.below(3)).to_string()
    };
    let (month, day) = (1 + chance.below(12), 1 + chance.below(28));
    let (strength, volume) = (4000 + chance.below(2500), 5000 + chance.below(45_000));
    let money = match chance.one_in(8) {
        true => ",".to_owned(),
        false => {
            format!("{}.00,{}", 500 + chance.below(150_000), chance.of(&["GBP", "EUR", "TWD"]))
        }
    };
    let notes = if is_chinese { chinese_notes(chance) } else { notes(chance) };
    let region = if chance.one_in(12) { "" } else { region };
    format!(
        "{name},{brand},{distillery},{region},{},{age},{vintage},C-{number:07},{wood_word},\
         {vintage}-{month:02}-{day:02},{}.{:02},{}.{:02},Warehouse {},{}-{},sound,{money},\"{notes}\"",
        chance.mostly_first(&CATEGORIES),
        strength / 100,
        strength % 100,
        volume / 100,
        volume % 100,
        1 + chance.below(40),
        1 + chance.below(90),
        1 + chance.below(12),
    )
}

/// A few dozen words, and one that few others have: a person, a farm, a ship.
fn notes(chance: &mut Chance) -> String {
    let mut text = String::from("The nose");
    for _ in 0..4 + chance.below(6) {
        let (phrase, note, other) =
            (chance.of(&PHRASES), chance.mostly_first(&NOTES), chance.mostly_first(&NOTES));
        text.push_str(&format!(" {phrase} {note} and {other},"));
    }
    text + &format!(" filled for {}.", own_word(chance.below(OWN_WORDS)))
}

fn chinese_notes(chance: &mut Chance) -> String {
    let count = 3 + chance.below(5);
    let notes: Vec<_> = (0..count).map(|_| *chance.mostly_first(&CHINESE_NOTES)).collect();
    format!("聞起來有{}，尾韻悠長。", notes.join("、"))
}

/// A word somebody could say, the same for the same number.
pub fn own_word(number: usize) -> String {
    const PARTS: [&str; 28] = [
        "dun", "kil", "ard", "inver", "strath", "loch", "bal", "aber", "mac", "gil", "cor", "fin",
        "tor", "ben", "dal", "mor", "cra", "lin", "wick", "ness", "more", "gan", "dar", "lie",
        "ray", "mond", "bost", "say",
    ];
    let part = |at: usize| PARTS[at % PARTS.len()];
    format!("{}{}{}", part(number), part(number / 28), part(number / 784))
}
