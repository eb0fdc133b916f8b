// The editor's words in the artist's language.

import { ENGLISH } from "./words_en.js";
import { CHINESE } from "./words_zh.js";

let spoken = ENGLISH;

/** What is said from now on. @param {string} language  a tag such as "en" or "zh-CN"; English if there is no table for it */
export function speak(language) {
    spoken = language.toLowerCase().startsWith("zh") ? CHINESE : ENGLISH;
}

/**
 * @param {string} key
 * @param {Readonly<Record<string, string|number>>} [values]  what stands for each {placeholder}
 * @returns {string} the key itself if there is no such word
 */
export function word(key, values = {}) {
    const said = spoken[key] ?? ENGLISH[key] ?? key;
    return said.replace(/\{(\w+)\}/g, (placeholder, name) => String(values[name] ?? placeholder));
}
