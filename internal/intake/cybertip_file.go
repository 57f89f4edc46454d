package intake

import (
	"io"
	"slices"
	"strconv"
	"time"
)

// FileDetails is a CyberTipline <fileDetails>: the fields that are used, and everything in Root.
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
	Root              *Element
}

// FileHash is a hash that the service took of the file as it was uploaded there.
type FileHash struct{ Type, Value string }

// ParseFileDetails reads a CyberTipline <fileDetails>, as ParseReport does a <report>.
func ParseFileDetails(r io.Reader) (FileDetails, error) { return Schema{}.ParseFileDetails(r) }

// ParseFileDetails reads a CyberTipline <fileDetails>.
func (s Schema) ParseFileDetails(r io.Reader) (FileDetails, error) {
	root, err := readXML(r, "fileDetails")
	if err != nil {
		return FileDetails{}, err
	}
	if err := s.check(root, "fileDetails"); err != nil {
		return FileDetails{}, err
	}
	d := FileDetails{Root: root, FileID: root.first("fileId"), FileName: root.first("fileName"), OriginalName: root.first("originalFileName"),
		Location: root.first("locationOfFile"), Relevance: root.first("fileRelevance"), Classification: root.first("industryClassification"),
		AdditionalInfo: root.texts("additionalInfo"), Viewed: root.said("fileViewedByEsp"), PubliclyAvailable: root.said("publiclyAvailable")}
	if d.ReportID, err = strconv.ParseInt(root.first("reportId"), 10, 64); err != nil || d.ReportID < 1 {
		return FileDetails{}, notValid("<reportId> is missing or no number")
	}
	if d.FileID == "" || len(d.FileID) > 200 {
		return FileDetails{}, notValid("<fileId> is missing or longer than 200 bytes")
	}
	if d.UploadedAt, err = dateTime(root.one("uploadedToEspTimestamp")); err != nil {
		return FileDetails{}, err
	}
	for _, n := range root.all("fileAnnotations") {
		d.Annotations = append(d.Annotations, n.flags()...)
	}
	if root.boolean("potentialMeme") && !slices.Contains(d.Annotations, "potentialMeme") {
		d.Annotations = append(d.Annotations, "potentialMeme") // the older way to say it
	}
	for _, n := range root.all("originalFileHash") {
		d.OriginalHashes = append(d.OriginalHashes, FileHash{n.attr("hashType"), n.Text})
	}
	d.IPs, err = ipCaptures(root)
	return d, err
}

// said reads a child of type xs:boolean that has been checked; an empty one is true, as clients mean it. nil: it is not there.
func (n *Element) said(name string) *bool {
	if !n.has(name) {
		return nil
	}
	v := n.first(name) == "" || isTrue(n.first(name))
	return &v
}

// boolean is said where silence means no.
func (n *Element) boolean(name string) bool { v := n.said(name); return v != nil && *v }
