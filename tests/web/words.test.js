import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { speak, word } from "../../web/page/words.js";
import { ENGLISH } from "../../web/page/words_en.js";
import { CHINESE } from "../../web/page/words_zh.js";

const WEB = new URL("../../web/", import.meta.url);

/** @param {string} text */
function placeholders(text) {
    return [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
}

afterEach(() => speak("en"));

test("every English word has a Chinese one and the other way round", () => {
    assert.deepEqual(Object.keys(CHINESE).sort(), Object.keys(ENGLISH).sort());
});

test("both languages say the same values", () => {
    for (const [key, text] of Object.entries(ENGLISH)) {
        assert.deepEqual(placeholders(CHINESE[key]), placeholders(text), key);
    }
});

test("no Chinese word was left in English", () => {
    const same = Object.keys(ENGLISH).filter((key) => ENGLISH[key] === CHINESE[key]);
    const keyNames = same.filter((key) => !/^(Enter|Esc|[←→↑↓])/.test(ENGLISH[key]));
    assert.deepEqual(keyNames, []);
});

test("a word takes its values", () => {
    assert.equal(word("time.frame", { frame: 7, frames: 16 }), "frame 7 of 16");
});

test("a value with braces or dollars stays as it is", () => {
    assert.equal(word("list.pointsOf", { name: "$& {frame}" }), "Points of $& {frame}");
});

test("a region of China is spoken to in Chinese", () => {
    for (const language of ["zh", "zh-CN", "ZH_tw"]) {
        speak(language);
        assert.equal(word("command.edit.undo"), "撤销");
    }
});

test("a language without a table is spoken to in English", () => {
    speak("zh");
    speak("fi");
    assert.equal(word("command.edit.undo"), "Undo");
    speak("constructor");
    assert.equal(word("command.edit.undo"), "Undo");
});

test("every word that the editor asks for by name is in the table", () => {
    const asked = readdirSync(WEB, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".js"))
        .flatMap((name) => [...readFileSync(new URL(name, WEB), "utf8").matchAll(/\bword\(\s*"([^"]+)"/g)])
        .map(([, key]) => key);
    assert.ok(asked.length > 40);
    assert.deepEqual(asked.filter((key) => !(key in ENGLISH)), []);
});
