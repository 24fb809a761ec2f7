"""out_trickle.py PORT USER PASSWORD SECONDS COUNT: submits so many messages evenly over the time, to the sink."""
import smtplib
import sys
import time

port, user, password, seconds, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5])
began = time.monotonic()
with smtplib.SMTP("127.0.0.1", port, timeout=30) as link:
    link.login(user, password)
    for number in range(count):
        wait = began + number * seconds / count - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        text = f"From: <{user}>\r\nTo: <trickle@sink.test>\r\nSubject: trickle {number}\r\n\r\n" + "line of text\r\n" * 300
        link.sendmail(user, ["trickle@sink.test"], text)
