package stopncii

import (
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
)

var (
	pdqText = strings.Repeat("ab", 32)
	md5Text = strings.Repeat("0C", 16)
	whole   = `{"count":6,"nextPageToken":"t-2","nextSetTimestamp":1700000100,"hasMoreRecords":true,"hashRecords":[
	{"lastModtimestamp":1700000000,"signalType":"ImagePDQ","hashValue":"` + pdqText + `","hashStatus":"Active","caseNumbers":{"c1":"Active"},"CSPFeedbacks":[]},
	{"lastModtimestamp":1700000001,"signalType":"VideoMD5","hashValue":"` + md5Text + `","hashStatus":"Withdrawn","caseNumbers":{},"CSPFeedbacks":[{"feedbackValue":"Blocked","tags":["a"],"source":"x"}]},
	{"lastModtimestamp":1700000002,"signalType":"URL","hashValue":"river","hashStatus":"Active"},
	{"lastModtimestamp":1700000003,"signalType":"ImagePDQ","hashValue":"zz","hashStatus":"Active"},
	{"lastModtimestamp":"soon","signalType":"ImagePDQ","hashValue":"` + pdqText + `","hashStatus":"Active"},
	{"lastModtimestamp":1700000005,"signalType":"ImagePDQ","hashValue":"` + pdqText + `","hashStatus":"Lost"}]}`
)

func TestReadPage(t *testing.T) {
	p, err := ReadPage([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Items) != 2 || p.Items[0].Gone || p.Items[0].Entries[0] != (lists.Entry{Kind: lists.PDQ, Value: pdqText}) || !p.Items[1].Gone ||
		p.Items[1].Key != "VideoMD5:"+strings.ToLower(md5Text) || p.Items[1].Stamp.Unix() != 1700000001 {
		t.Errorf("%+v", p.Items)
	}
	if p.Next != "t-2" || !p.More || p.Since != 1700000100 || p.Newest != 1700000001 || p.Passed != 1 || len(p.Aside) != 3 {
		t.Errorf("%+v", p)
	}
	for name, text := range map[string]string{"cut": whole[:len(whole)-40], "html": "<html>", "empty": "", "array": "[]", "deep": strings.Repeat("[", 100000),
		"types": `{"hashRecords":{}}`, "token": `{"nextPageToken":5}`} {
		p, err := ReadPage([]byte(text))
		if fault.Code(err) != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
		if name == "cut" && (len(p.Items) != 2 || p.Next != "t-2") {
			t.Errorf("before the break: %+v", p)
		}
	}
}

func FuzzReadPage(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"hashRecords":[null,{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPage(b)
		for _, v := range p.Items {
			if v.Key == "" || v.Gone == (len(v.Entries) > 0) || v.Stamp.IsZero() {
				t.Fatalf("%+v", v)
			}
		}
		if err == nil && len(p.Items)+len(p.Aside)+p.Passed != p.Records {
			t.Fatalf("%d records, but %+v", p.Records, p)
		}
	})
}
