package play

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/story"
)

// file sends one report as online services do (CyberTipline reporting API): submit, upload, fileinfo for each file, finish.
func (d *Demo) file(ctx context.Context, reporter *officer, r story.Report) error {
	key := "report/" + r.ID
	opened, err := ispws(ctx, reporter, key, "submit", "text/xml; charset=utf-8", r.XML)
	if err != nil {
		return err
	}
	for i, f := range r.Files {
		_, content, err := d.world.Media(f.MediaID)
		if err != nil {
			return err
		}
		kind, form, err := uploadForm(opened.Report, f.Name, content)
		if err != nil {
			return err
		}
		uploaded, err := ispws(ctx, reporter, fmt.Sprintf("%s/file/%d", key, i+1), "upload", kind, form)
		if err != nil {
			return err
		}
		if _, err := ispws(ctx, reporter, fmt.Sprintf("%s/fileinfo/%d", key, i+1), "fileinfo", "text/xml; charset=utf-8", f.FileDetailsXML(opened.Report, uploaded.File)); err != nil {
			return err
		}
	}
	_, err = ispws(ctx, reporter, key+"/finish", "finish", "application/x-www-form-urlencoded", []byte(url.Values{"id": {fmt.Sprint(opened.Report)}}.Encode()))
	return err
}

// filed is what the answers to a filing have in common.
type filed struct {
	Code        int    `xml:"responseCode"`
	Description string `xml:"responseDescription"`
	Report      int64  `xml:"reportId"`
	File        string `xml:"fileId"`
}

// ispws does one call of the reporting API. Errors come with status 200 and a code.
func ispws(ctx context.Context, o *officer, key, call, kind string, body []byte) (filed, error) {
	b, err := o.call(ctx, http.MethodPost, "/ispws/"+call, key, kind, body)
	if err != nil {
		return filed{}, err
	}
	var f filed
	if err := xml.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", call, err)
	}
	if f.Code != 0 {
		return f, fault.New(fault.Refused, "the clearinghouse answered %s of %s with code %d: %s", call, key, f.Code, f.Description)
	}
	return f, nil
}

// uploadForm gives the multipart form with a report's number and a file.
func uploadForm(report int64, name string, content []byte) (kind string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("id", fmt.Sprint(report)); err != nil {
		return "", nil, err
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		return "", nil, err
	}
	if _, err := part.Write(content); err != nil {
		return "", nil, err
	}
	if err := w.Close(); err != nil { // it writes the last boundary
		return "", nil, err
	}
	return w.FormDataContentType(), b.Bytes(), nil
}
