package intake

import (
	"encoding/xml"
	"io"

	"raksha.example/raksha/internal/fault"
)

// Response is a CyberTipline <reportResponse>.
type Response struct {
	XMLName     xml.Name `xml:"reportResponse"`
	Code        int      `xml:"responseCode"`
	Description string   `xml:"responseDescription"`
	ReportID    int64    `xml:"reportId,omitempty"`
	FileID      string   `xml:"fileId,omitempty"`
	Hash        string   `xml:"hash,omitempty"` // MD5 of the uploaded file, hex
}

// ErrorResponse gives the response for an error. Application errors go out with HTTP status 200, as clients expect.
func ErrorResponse(err error) Response {
	return Response{Code: ResponseCode(err), Description: fault.Message(err)}
}

// WriteXML writes the document.
func (r Response) WriteXML(w io.Writer) error { return writeXML(w, r) }

// DoneResponse is a CyberTipline <reportDoneResponse>, the answer to finish. It has no description.
type DoneResponse struct {
	XMLName  xml.Name `xml:"reportDoneResponse"`
	Code     int      `xml:"responseCode"`
	ReportID int64    `xml:"reportId"`
	Files    struct {
		IDs []string `xml:"fileId"`
	} `xml:"files"`
}

// NewDoneResponse gives the answer for a finished report and the ids of its files.
func NewDoneResponse(reportID int64, fileIDs []string) DoneResponse {
	d := DoneResponse{Code: CodeSuccess, ReportID: reportID}
	d.Files.IDs = fileIDs
	return d
}

// WriteXML writes the document.
func (r DoneResponse) WriteXML(w io.Writer) error { return writeXML(w, r) }

func writeXML(w io.Writer, v any) error {
	b, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), b...))
	return err
}
