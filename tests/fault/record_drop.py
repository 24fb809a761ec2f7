"""Sabotage of the replay: accepted records of one message are made void in the journal that a crash left, as if they had
never been written, with every checksum right. What they held must be missed.

Knows the layout of docs/journal.md: segments are files named by their number in 16 digits; frames begin on blocks of 4096
bytes, each with the CRC of the frame before; a record is its length, its CRC, and a payload that begins with version, kind
and the length of its head."""
import dataclasses
import pathlib
import re
import struct

import cut_image
import made_mail

BLOCK = 4096
MAGIC = b"mbxJrnl\n"
HEADER = struct.Struct("<8sIIQQQQQQQIIII")
RECORD = struct.Struct("<II")
PREFIX = struct.Struct("<BBI")
ACCEPTED, PLACED, VOID, ACCEPTED_OUTGOING, OUTGOING, ACCEPTED_TRACED, OUTGOING_TRACED, PLACED_TIMED = 1, 2, 6, 7, 8, 9, 10, 11
HEADER_FIELDS = ("magic", "version", "records", "identity", "generation", "epoch", "offset", "first", "claims_durable",
                 "checkpoint", "body", "records_crc", "previous", "crc")


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data, before=0):
    value = before ^ 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


@dataclasses.dataclass
class Record:
    lsn: int
    segment: int
    frame: int  # where its frame begins
    at: int  # where its payload begins
    payload: bytes


class Numbers:
    """The numbers and texts of a record's head: seven bits a byte, the low ones first."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length:self.at]

    @staticmethod
    def of(value):
        out = bytearray()
        while value >= 0x80:
            out.append(0x80 | value & 0x7F)
            value >>= 7
        return bytes(out + bytes([value]))


class Journal:
    def __init__(self, folder):
        self.folder = folder
        self.segments = {int(path.name): bytearray(path.read_bytes()) for path in folder.iterdir()
                         if re.fullmatch(r"\d{16}", path.name)}
        self.frames = []  # (segment, header as a dict), in order
        for number in sorted(self.segments):
            self.frames += [(number, header) for header in self._frames_of(number)]
        self.checkpoint = max((header["checkpoint"] for _, header in self.frames), default=0)

    def _frames_of(self, number):
        data, at = self.segments[number], 0
        while at + HEADER.size <= len(data):
            header = self._header(data, at, number)
            if header is None:
                at += BLOCK
                continue
            yield header
            at += (HEADER.size + header["body"] + BLOCK - 1) // BLOCK * BLOCK

    @staticmethod
    def _header(data, at, number):
        if data[at:at + 8] != MAGIC:
            return None
        header = dict(zip(HEADER_FIELDS, HEADER.unpack_from(data, at), strict=True))
        right = header["generation"] == number and header["offset"] == at and header["crc"] == crc32c(data[at:at + HEADER.size - 4])
        return header if right else None

    def records(self):
        """Those above the checkpoint; a torn frame ends them."""
        for number, header in self.frames:
            data, at = self.segments[number], header["offset"] + HEADER.size
            end = at + header["body"]
            for lsn in range(header["first"], header["first"] + header["records"]):
                if at + RECORD.size > min(end, len(data)):
                    return
                length, _ = RECORD.unpack_from(data, at)
                at += RECORD.size
                if lsn > self.checkpoint:
                    yield Record(lsn, number, header["offset"], at, bytes(data[at:at + length]))
                at += length

    def void(self, records):
        """Puts in their places records that mean nothing, and sets right the checksums of all that follows."""
        for record in records:
            head = Numbers.of(record.lsn)
            payload = PREFIX.pack(1, VOID, len(head)) + head
            payload += bytes(len(record.payload) - len(payload))
            data = self.segments[record.segment]
            data[record.at:record.at + len(payload)] = payload
            place = struct.pack("<QQ", record.segment, record.at)
            struct.pack_into("<I", data, record.at - 4, crc32c(payload, crc32c(place)))
        touched = {(record.segment, record.frame) for record in records}
        now = {}  # the CRC of a frame as it is by what it was: a torn one may lie between two that follow one another
        for number, header in self.frames:
            data, at, old = self.segments[number], header["offset"], header["crc"]
            if (number, at) in touched:
                header["records_crc"] = self._records_crc(data, header)
            header["previous"] = now.get(header["previous"], header["previous"])
            HEADER.pack_into(data, at, *header.values())
            header["crc"] = crc32c(data[at:at + HEADER.size - 4])
            struct.pack_into("<I", data, at + HEADER.size - 4, header["crc"])
            now[old] = header["crc"]

    @staticmethod
    def _records_crc(data, header):
        at, value = header["offset"] + HEADER.size, 0
        for _ in range(header["records"]):
            value = crc32c(data[at:at + RECORD.size], value)
            at += RECORD.size + RECORD.unpack_from(data, at)[0]
        return value

    def save(self):
        """In place: owner and mode stay."""
        for number, data in self.segments.items():
            with open(self.folder / f"{number:016}", "r+b") as file:
                file.write(data)


def accepted_by(record):
    """Of a record that places an accepted message: the number of the record that accepted it."""
    version, kind, length = PREFIX.unpack_from(record.payload)
    if version != 1 or kind not in (PLACED, PLACED_TIMED):
        return None
    head = Numbers(record.payload[PREFIX.size:PREFIX.size + length])
    # account (id, local part, domain), mailbox, row (7 numbers), unique, CRC, source: 0 is "accepted".
    head.number(), head.text(), head.text(), head.number()
    for _ in range(7):
        head.number()
    head.text(), head.number()
    source = head.number()
    return head.number() if source == 0 else None


def moments_of_checkpoints(past, first, last):
    """The moments of a cut_disk's past at which a frame that moves the checkpoint was written and not flushed yet."""
    found, highest, is_open = [], 0, False
    for number, record in enumerate(past.records[:last]):
        if record[0] != cut_image.WRITE:
            is_open = False
        else:
            data = past.bytes_of(record)
            for at in range(0, len(data) - HEADER.size, BLOCK):
                if data[at:at + 8] == MAGIC:
                    header = dict(zip(HEADER_FIELDS, HEADER.unpack_from(data, at), strict=True))
                    is_open = is_open or header["checkpoint"] > highest
                    highest = max(highest, header["checkpoint"])
        if is_open and number >= first:
            found.append(number + 1)
    return found


def find_journal(data_directory):
    segments = [path for path in data_directory.glob("*/*") if re.fullmatch(r"\d{16}", path.name) and path.is_file()]
    return segments[0].parent if segments else None


def tokens_in_files(data_directory):
    found = set()
    for place in ("cur", "new"):
        for path in (data_directory / "mail").rglob(f"{place}/*"):
            with open(path, "rb") as file:
                found.add(made_mail.token_in(file.read(8192)))
    return found


def drop_one(data_directory, wanted):
    """Drops one message of the tokens `wanted` that stands in the journal alone; answers its token, None when there is none."""
    folder = find_journal(pathlib.Path(data_directory))
    if folder is None:
        return None
    journal, there = Journal(folder), tokens_in_files(pathlib.Path(data_directory))
    records = list(journal.records())
    for record in reversed(records):
        if len(record.payload) < PREFIX.size or record.payload[1] not in (ACCEPTED, ACCEPTED_TRACED):
            continue
        token = made_mail.token_in(record.payload[:8192])
        if token in wanted and token not in there:
            journal.void([record, *(other for other in records if accepted_by(other) == record.lsn)])
            journal.save()
            return token
    return None
