package intake

import (
	"io"
	"strconv"
	"time"
)

// FileDetails is a CyberTipline <fileDetails>: the fields that are used, and everything else in Elements.
type FileDetails struct {
	ReportID          int64
	FileID            string
	FileName          string
	OriginalName      string
	UploadedAt        time.Time // to the service; zero if not given
	Location          string    // locationOfFile, a URL
	Viewed            *bool     // by the service; nil if not said
	PubliclyAvailable *bool
	Relevance         string   // Reported, Supplemental Reported, or empty
	Classification    string   // A1, A2, B1, B2, or empty
	Annotations       []string // names of the set fileAnnotations
	OriginalHashes    []FileHash
	IPs               []IPCapture // the schema has one; clients in use send several
	AdditionalInfo    []string
	Elements          []Element
}

// FileHash is a hash that the service took of the file as it was uploaded there.
type FileHash struct{ Type, Value string }

// ParseFileDetails reads a CyberTipline <fileDetails>, as ParseReport does a <report>.
func ParseFileDetails(r io.Reader) (FileDetails, error) {
	root, elements, err := readXML(r, "fileDetails")
	if err != nil {
		return FileDetails{}, err
	}
	d := FileDetails{FileID: root.first("fileId"), FileName: root.first("fileName"), OriginalName: root.first("originalFileName"),
		Location: root.first("locationOfFile"), Relevance: root.first("fileRelevance"), Classification: root.first("industryClassification"),
		AdditionalInfo: root.texts("additionalInfo"), Elements: elements}
	for _, name := range []string{"reportId", "fileId", "fileName", "originalFileName", "uploadedToEspTimestamp", "fileViewedByEsp", "publiclyAvailable",
		"fileRelevance", "fileAnnotations", "industryClassification"} {
		if _, err := root.one(name); err != nil {
			return FileDetails{}, err
		}
	}
	if d.ReportID, err = strconv.ParseInt(root.first("reportId"), 10, 64); err != nil || d.ReportID < 1 {
		return FileDetails{}, notValid("<reportId> is missing or no number")
	}
	if d.FileID == "" || len(d.FileID) > 200 {
		return FileDetails{}, notValid("<fileId> is missing")
	}
	if d.Relevance != "" && d.Relevance != "Reported" && d.Relevance != "Supplemental Reported" {
		return FileDetails{}, notValid("<fileRelevance> holds no value of the schema")
	}
	switch d.Classification {
	case "", "A1", "A2", "B1", "B2":
	default:
		return FileDetails{}, notValid("<industryClassification> holds no value of the schema")
	}
	for _, n := range root.all("uploadedToEspTimestamp") {
		if d.UploadedAt, err = dateTime(n); err != nil {
			return FileDetails{}, err
		}
	}
	if d.Viewed, err = root.boolean("fileViewedByEsp"); err != nil {
		return FileDetails{}, err
	}
	if d.PubliclyAvailable, err = root.boolean("publiclyAvailable"); err != nil {
		return FileDetails{}, err
	}
	for _, n := range root.all("fileAnnotations") {
		d.Annotations = append(d.Annotations, n.flags()...)
	}
	if meme, err := root.boolean("potentialMeme"); err != nil {
		return FileDetails{}, err
	} else if meme != nil && *meme {
		d.Annotations = append(d.Annotations, "potentialMeme") // the older way to say it
	}
	for _, n := range root.all("originalFileHash") {
		if n.attr("hashType") == "" {
			return FileDetails{}, notValid("<originalFileHash> has no hashType")
		}
		d.OriginalHashes = append(d.OriginalHashes, FileHash{n.attr("hashType"), n.text})
	}
	d.IPs, err = ipCaptures(root)
	return d, err
}

// boolean reads a child of type xs:boolean; an empty one is true, as clients mean it. nil: it is not there.
func (n *node) boolean(name string) (*bool, error) {
	if !n.has(name) {
		return nil, nil
	}
	var v bool
	switch n.first(name) {
	case "true", "1", "":
		v = true
	case "false", "0":
	default:
		return nil, notValid("<%s> is neither true nor false", name)
	}
	return &v, nil
}
