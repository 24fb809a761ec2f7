"""HOSTILE row I5: notifications over odd input, read back with python's email package.

    dsn_differential.py DUMP_PROGRAM SEED_FOLDER
"""
import email
import email.header
import email.policy
import pathlib
import subprocess
import sys
import tempfile


def check(name, raw, want):
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    problems = []

    def expect(holds, what):
        if not holds:
            problems.append(f"{name}: {what}")

    expect(message.get_content_type() == "multipart/report", "is no multipart/report")
    expect(message.get_param("report-type") == "delivery-status", "has no report-type")
    expect(message["Auto-Submitted"] == "auto-replied", "does not say that it is automatic")
    for field in ("Date", "From", "To", "Subject", "Message-ID", "MIME-Version"):
        expect(len(message.get_all(field, [])) == 1, f"has not one {field}")
    subject = str(email.header.make_header(email.header.decode_header(message["Subject"])))
    expect(subject.replace("\r\n", "").split() == want["subject"].split(), f"subject {subject!r}, not {want['subject']!r}")
    parts = message.get_payload() if message.is_multipart() else []
    expect(len(parts) == 3, f"has {len(parts)} parts")
    if len(parts) != 3:
        return problems
    expect(parts[0].get_content_type() == "text/plain", "its first part is no text")
    text = parts[0].get_payload(decode=True).decode("utf-8")
    expect("mx.example" in text, "its text does not say who speaks")
    is_global = want["global"] == "1"
    kind = "message/global-delivery-status" if is_global else "message/delivery-status"
    expect(parts[1].get_content_type() == kind, f"its second part is {parts[1].get_content_type()}")
    if is_global:
        # Python knows this type as an attachment of text only.
        payload = parts[1].get_payload()
        body = payload if isinstance(payload, str) else payload[0].as_string()
        groups = [g for g in body.replace("\r\n", "\n").split("\n\n") if g.strip()]
        if not isinstance(payload, str):
            groups = [None] * (int(want["recipients"]) + 1)
    else:
        groups = [g for g in parts[1].get_payload() if len(g.keys())]
        for group in groups[1:]:
            for field in ("Final-Recipient", "Action", "Status"):
                expect(len(group.get_all(field, [])) == 1, f"a recipient has not one {field}")
        expect(groups and groups[0]["Reporting-MTA"] == "dns; mx.example", "Reporting-MTA is wrong")
    expect(len(groups) == 1 + int(want["recipients"]), f"has {len(groups) - 1} recipients, not {want['recipients']}")
    expect(parts[2].get_content_type() in ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"),
           f"its third part is {parts[2].get_content_type()}")
    for part in message.walk():
        for defect in part.defects:
            # What the original itself has wrong is not ours.
            if part in (message, parts[0], parts[1], parts[2]) and part is not parts[2]:
                problems.append(f"{name}: {defect!r}")
    return problems


def main():
    program, seeds = sys.argv[1:3]
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(str(path) for path in pathlib.Path(seeds).iterdir())
        subprocess.run([program, folder, *files], check=True, stdout=subprocess.DEVNULL)
        samples = sorted(pathlib.Path(folder).glob("*.eml"))
        for path in samples:
            lines = path.with_suffix(".want").read_text("utf-8").split("\n")
            want = dict(line.split(": ", 1) for line in lines if ": " in line)
            problems += check(path.stem, path.read_bytes(), want)
    print("\n".join(problems) or f"{len(samples)} notifications read back")
    return 1 if problems or len(samples) < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
