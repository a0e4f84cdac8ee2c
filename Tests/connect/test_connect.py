"""The gateway as clients see it that are not ours: connectrpc, buf curl, and urllib with JSON."""

import json
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import pytest
from connectrpc.client import ResponseMetadata
from connectrpc.code import Code
from connectrpc.errors import ConnectError

ROOT = pathlib.Path(__file__).resolve().parents[2]
COURSE = "sugang.course.v1.CourseService"
ENROLLMENT = "sugang.enrollment.v1.EnrollmentService"
PAY = "sugang.pay.v1.PayService"
LARGEST = 2**63 - 1


def new_course(client):
    return client(f"{COURSE}/CreateCourse", name="korean", teacher="홍길동", fee=10_000,
                  text_book="kor_book").course


def failure(call):
    with pytest.raises(ConnectError) as caught:
        call()
    return caught.value


# connectrpc: compresses what it sends, unless it is told not to.


def test_enrolling(client):
    course = new_course(client)
    assert course.teacher == "홍길동"
    enrolled = client(f"{ENROLLMENT}/Enroll", course_id=course.id, student="john-doe", fee=10_000)
    assert enrolled.enrollment.fee == 10_000
    found = client(f"{ENROLLMENT}/GetEnrollment", id=enrolled.enrollment.id)
    assert found.enrollment.student == "john-doe"


def test_an_empty_request(client):
    assert client(f"{PAY}/ListPayments").total >= 0


def test_an_error_with_its_reason_and_its_metadata(client):
    course = new_course(client)
    with ResponseMetadata() as metadata:
        error = failure(lambda: client(
            f"{ENROLLMENT}/Enroll", course_id=course.id, student="jane-doe", fee=1))
    assert error.code == Code.FAILED_PRECONDITION
    assert error.message == f"course {course.id} costs 10000, the request said 1"
    assert [detail.type_name for detail in error.details] == ["google.rpc.ErrorInfo"]
    assert error.details[0].message_bytes == (
        b"\x0a\x0cfee-mismatch\x12\x26sugang.enrollment.v1.EnrollmentService")
    assert metadata.trailers["problem-kind"] == "conflict"


def test_wrong_fields_are_listed(client):
    error = failure(lambda: client(f"{ENROLLMENT}/Enroll"))
    assert error.code == Code.INVALID_ARGUMENT
    assert [detail.type_name for detail in error.details] == [
        "google.rpc.ErrorInfo", "google.rpc.BadRequest"]


def test_a_number_above_2_to_the_53rd(client):
    error = failure(lambda: client(f"{PAY}/GetPayment", id=LARGEST))
    assert error.code == Code.NOT_FOUND
    assert str(LARGEST) in error.message


def test_a_deadline(client):
    # The client gives up by itself, or hears it: one code.
    error = failure(lambda: client(f"{PAY}/ListPayments", timeout_ms=0))
    assert error.code == Code.DEADLINE_EXCEEDED


def test_a_request_that_is_too_large(client):
    # Letters that gzip cannot make small.
    text = "".join(uuid.uuid4().hex for _ in range(4_000))
    error = failure(lambda: client(f"{ENROLLMENT}/Enroll", student=text))
    assert error.code == Code.RESOURCE_EXHAUSTED


def test_a_request_that_is_too_large_once_it_is_decompressed(client):
    error = failure(lambda: client(f"{ENROLLMENT}/Enroll", student="a" * 100_000))
    assert error.code == Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", [
    f"{PAY}/Approve", f"{PAY}/Refund", "sugang.gift.v1.GiftService/GiveGift",
    f"{ENROLLMENT}/CloseCourse", f"{ENROLLMENT}/GetCancellationProgress",
    "sugang.enrollment.v1.EnrollmentAuditService/SettleEnrollment",
    "sugang.pay.v1.PaymentAuditService/RepeatPayment", "sugang.events.v1.EventFeedService/Fetch",
    "sugang.events.v1.EventInboxService/SkipParked", "sugang.admin.v1.BackupService/Copy",
    "sugang.supervisor.v1.SupervisorService/StopService"])
def test_what_is_not_offered(client, method):
    assert failure(lambda: client(method)).code == Code.UNIMPLEMENTED


def test_health(client):
    assert client("framedrpc.v1.HealthService/Check").status == 1  # SERVING_STATUS_SERVING


# urllib: no library at all.


def post(url, body, **headers):
    request = urllib.request.Request(
        url, data=body.encode(), method="POST",
        headers={"Content-Type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def test_plain_json(gateway):
    status, headers, answer = post(
        f"{gateway}/{COURSE}/CreateCourse",
        '{"name": "math", "teacher": "kim", "fee": 500, "from_tomorrow": 1}',
        **{"Connect-Protocol-Version": "1", "X-Request-Id": "from-python"})
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Request-Id"] == "from-python"
    assert answer["course"]["fee"] == "500"


@pytest.mark.parametrize("headers, status, code", [
    ({"Content-Type": "image/jpeg"}, 415, "unknown"),
    ({"Content-Type": "application/connect+json"}, 415, "unknown"),
    ({"Content-Encoding": "br"}, 501, "unimplemented"),
    ({"Connect-Protocol-Version": "2"}, 400, "invalid_argument"),
    ({"Connect-Timeout-Ms": "soon"}, 400, "invalid_argument"),
])
def test_unexpected_requests(gateway, headers, status, code):
    got, _, answer = post(f"{gateway}/{PAY}/ListPayments", "{}", **headers)
    assert (got, answer["code"]) == (status, code)


def test_an_unexpected_verb(gateway):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{gateway}/{PAY}/ListPayments", timeout=30)
    assert caught.value.code == 405
    assert caught.value.headers["Allow"] == "POST, OPTIONS"


# buf curl: knows the methods from the .proto files.


def buf_curl(gateway, method, data):
    buf = pathlib.Path(sys.executable).with_name("buf")
    return subprocess.run(
        [buf, "curl", "--schema", ROOT / "Protos", "-d", data, f"{gateway}/{method}"],
        capture_output=True, text=True, timeout=60, check=False)


def test_buf_curl(gateway):
    done = buf_curl(
        gateway, f"{COURSE}/CreateCourse", '{"name": "art", "teacher": "lee", "fee": "700"}')
    assert done.returncode == 0, done.stderr
    course = json.loads(done.stdout)["course"]
    assert course["fee"] == "700"
    done = buf_curl(gateway, f"{COURSE}/GetCourse", json.dumps({"id": course["id"]}))
    assert json.loads(done.stdout)["course"] == course


def test_buf_curl_shows_the_reason(gateway):
    done = buf_curl(gateway, f"{PAY}/GetPayment", f'{{"id": "{LARGEST}"}}')
    assert done.returncode != 0
    error = json.loads(done.stderr)
    assert error["code"] == "not_found"
    assert error["details"][0]["type"] == "google.rpc.ErrorInfo"
