// Zip archives as numpy writes them (.npz): what lies in one, and its bytes, stored or deflated.

/** @typedef {{name: string, deflated: boolean, packed: number, size: number, at: number}} ZipEntry
 *   packed, size: bytes in the archive and unpacked. at: byte where the entry's own header begins */

const LARGEST = 64 * 1024 * 1024; // bytes of one entry, unpacked
const DAMAGED = "This archive is damaged, or is none.";
const END = 0x06054b50; // signatures, and the shortest lengths of what they begin
const END_LENGTH = 22;
const LISTED = 0x02014b50;
const LISTED_LENGTH = 46;
const LOCAL = 0x04034b50;
const LOCAL_LENGTH = 30;
const LONGEST_COMMENT = 65_535;

/**
 * What the archive's directory lists, without what is encrypted or packed in other ways.
 * @param {ArrayBuffer} content @returns {ZipEntry[]}
 */
export function zipEntries(content) {
    const view = new DataView(content);
    let end = view.byteLength - END_LENGTH;
    const furthest = Math.max(0, end - LONGEST_COMMENT);
    while (end >= furthest && view.getUint32(end, true) !== END) end -= 1;
    if (end < furthest) throw new Error(DAMAGED);
    const count = view.getUint16(end + 10, true);
    let at = view.getUint32(end + 16, true);
    const entries = [];
    for (let i = 0; i < count; i += 1) {
        if (at + LISTED_LENGTH > end || view.getUint32(at, true) !== LISTED) throw new Error(DAMAGED);
        const [nameLength, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
        if (at + LISTED_LENGTH + nameLength > end) throw new Error(DAMAGED);
        const name = new TextDecoder().decode(new Uint8Array(content, at + LISTED_LENGTH, nameLength));
        const [packed, size, begins] = [20, 24, 42].map((place) => view.getUint32(at + place, true));
        const method = view.getUint16(at + 10, true);
        const secret = view.getUint16(at + 8, true) & 1;
        const readable = (method === 0 || method === 8) && !secret;
        if (readable) entries.push({ name, deflated: method === 8, packed, size, at: begins });
        at += LISTED_LENGTH + nameLength + extra + comment;
    }
    return entries;
}

/**
 * The bytes of an entry, unpacked.
 * @param {ArrayBuffer} content @param {ZipEntry} entry @returns {Promise<ArrayBuffer>}
 */
export async function unzipped(content, entry) {
    if (entry.size > LARGEST) throw new Error(`${entry.name} is over 64 MB: use the Load Tracks node.`);
    const view = new DataView(content);
    if (entry.at + LOCAL_LENGTH > view.byteLength || view.getUint32(entry.at, true) !== LOCAL) throw new Error(DAMAGED);
    const start = entry.at + LOCAL_LENGTH + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
    if (start + entry.packed > view.byteLength) throw new Error(DAMAGED);
    const packed = content.slice(start, start + entry.packed);
    const bytes = entry.deflated ? await inflated(packed, entry.size) : packed;
    if (bytes.byteLength !== entry.size) throw new Error(DAMAGED);
    return bytes;
}

/**
 * Never more than the directory promised: a small archive could else fill the memory.
 * @param {ArrayBuffer} packed @param {number} size
 */
async function inflated(packed, size) {
    const bytes = new Uint8Array(size);
    let filled = 0;
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            if (filled + value.length > size) throw new Error(DAMAGED);
            bytes.set(value, filled);
            filled += value.length;
        }
    } catch {
        reader.cancel().catch(() => {}); // it failed already; the reason is told below
        throw new Error(DAMAGED);
    }
    if (filled !== size) throw new Error(DAMAGED);
    return bytes.buffer;
}
