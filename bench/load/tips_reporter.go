package load

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"
	"strconv"

	"raksha.example/raksha/bench/measure"
)

// reporter is one provider's connection that files reports one after another.
type reporter struct {
	address, basic string
	n, i           int
	pictures       [][]byte
	conn           *connection
	body, request  bytes.Buffer
	times          []float64 // milliseconds, of its filings
}

func newReporter(address, secret string, n int, pictures [][]byte) *reporter {
	return &reporter{address: address, basic: "Basic " + base64.StdEncoding.EncodeToString([]byte(secret)), n: n, pictures: pictures}
}

func (r *reporter) close() {
	if r.conn != nil {
		r.conn.conn.Close()
		r.conn = nil
	}
}

// picturesOf makes pictures of 1024x768 and about 100 KB.
func picturesOf() (out [][]byte, err error) {
	for i := range 16 {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, measure.Photo(1024, 768, uint64(i)), &jpeg.Options{Quality: 80}); err != nil {
			return nil, err
		}
		out = append(out, file.Bytes())
	}
	return out, nil
}

// file files one report with one picture that nobody has filed before.
func (r *reporter) file() error {
	r.i++
	answer, err := r.post("/ispws/submit", "text/xml; charset=utf-8", func(b *bytes.Buffer) {
		fmt.Fprintf(b, `<?xml version="1.0" encoding="UTF-8"?><report><incidentSummary><incidentType>Child Pornography (possession, manufacture, and distribution)</incidentType>`+
			`<platform>Example</platform><incidentDateTime>2022-03-04T05:06:07Z</incidentDateTime></incidentSummary>`+
			`<reporter><reportingPerson><firstName>Desk</firstName><email>desk@example.org</email></reportingPerson></reporter>`+
			`<personOrUserReported><espIdentifier>%d-%d</espIdentifier><screenName>kite_%d_%d</screenName><profileUrl>https://bench.example/@kite_%d_%d</profileUrl>`+
			`<ipCaptureEvent><ipAddress>203.0.113.%d</ipAddress><eventName>Upload</eventName><dateTime>2022-03-04T05:06:07Z</dateTime></ipCaptureEvent></personOrUserReported></report>`,
			r.n, r.i/4, r.n, r.i/4, r.n, r.i/4, r.i%250)
	})
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(between(answer, "<reportId>", "</reportId>"), 10, 64)
	if err != nil {
		return fmt.Errorf("submit was answered %.300q", answer)
	}
	const boundary = "----raksha-bench-boundary"
	if _, err = r.post("/ispws/upload", "multipart/form-data; boundary="+boundary, func(b *bytes.Buffer) {
		fmt.Fprintf(b, "--%s\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n%d\r\n--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"river.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n",
			boundary, id, boundary)
		b.Write(r.pictures[(r.n*7+r.i)%len(r.pictures)])
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(id))) // behind the picture's end: another file, the same picture
		fmt.Fprintf(b, "\r\n--%s--\r\n", boundary)
	}); err != nil {
		return err
	}
	_, err = r.post("/ispws/finish", "application/x-www-form-urlencoded", func(b *bytes.Buffer) { fmt.Fprintf(b, "id=%d", id) })
	return err
}

// post does one call and gives its answer, which says that all is well.
func (r *reporter) post(path, kind string, body func(*bytes.Buffer)) (answer string, err error) {
	if r.conn == nil {
		if r.conn, err = dial(r.address); err != nil {
			return "", err
		}
	}
	r.body.Reset()
	body(&r.body)
	r.request.Reset()
	fmt.Fprintf(&r.request, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, r.address, r.basic, kind, r.body.Len())
	r.request.Write(r.body.Bytes())
	status, b, err := r.conn.ask(r.request.Bytes())
	if err != nil {
		r.close()
		return "", err
	}
	if code := between(string(b), "<responseCode>", "</responseCode>"); status != 200 || code != "0" {
		return "", errors.New(path + " was answered " + strconv.Itoa(status) + " " + string(b))
	}
	return string(b), nil
}

func between(s, before, after string) string {
	_, rest, _ := bytes.Cut([]byte(s), []byte(before))
	in, _, _ := bytes.Cut(rest, []byte(after))
	return string(in)
}
