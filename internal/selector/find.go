package selector

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many bytes of a text Find reads.
const MaxText = 1 << 20

// maxPhones is how many runs of digits Find tries as phones, since each costs some microseconds.
const maxPhones = 20000

// Found is a selector and where it stands.
type Found struct {
	Selector
	Start, End int // bytes of the text that was searched: text[Start:End]
}

var (
	urlPattern  = regexp.MustCompile(`(?i)(?:(?:https?|hxxps?)://|tg://join\?invite=|(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,24}/)[^\s<>"` + "`" + `]+`)
	atPattern   = regexp.MustCompile(`[A-Za-z0-9._%+-]+?(?:@|%40)[A-Za-z0-9][A-Za-z0-9.-]*`)
	coinPattern = regexp.MustCompile(`[0-9A-Za-z]{26,74}`)
	ipTime      = regexp.MustCompile(ipPattern + portPattern + `(?:[ \t,;@]|at|on){1,6}` + timePattern)
	ipAlone     = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?`)
	digits      = regexp.MustCompile(`[0-9]+`)
)

// Find gives the selectors in a text, in order of place. region (ISO 3166-1, such as IN) is where phones without a
// country code are from; empty means that such phones are not found. A selector may stand inside another: a payment
// handle that begins with a phone number gives both, and a wallet in a link too. Of a text longer than MaxText only
// the beginning is read.
func Find(text, region string) []Found {
	if len(text) > MaxText {
		cut := MaxText
		for cut > MaxText-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	f := finder{folded: fold(text), region: region}
	f.taken = make([]bool, len(f.text))
	f.links()
	f.addresses()
	f.handles()
	f.wallets()
	f.phones()
	slices.SortStableFunc(f.found, func(a, b Found) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) })
	return f.found
}

type finder struct {
	folded
	region string
	taken  []bool // bytes of a link, an address or a handle: no phone stands in them
	found  []Found
}

// add normalises text[start:end] as a kind and keeps it if it is one.
func (f *finder) add(kind Kind, start, end int) bool {
	s, err := Normalise(kind, string(f.text[start:end]))
	if err != nil {
		return false
	}
	f.keep(s, start, end)
	return true
}

func (f *finder) keep(s Selector, start, end int) {
	from, to := f.span(start, end)
	f.found = append(f.found, Found{s, from, to})
}

func (f *finder) take(start, end int) {
	for i := start; i < end; i++ {
		f.taken[i] = true
	}
}

func (f *finder) links() {
	for _, m := range urlPattern.FindAllIndex(f.text, -1) {
		start, end := m[0], m[1]
		if before := f.before(start); before == '@' || before == '.' || before == '-' || isWord(before) {
			continue
		}
		end = start + len(bytes.TrimRight(f.text[start:end], stray))
		if f.add(InviteLink, start, end) || f.add(URL, start, end) {
			f.take(start, end)
		}
	}
}

func (f *finder) addresses() {
	for _, m := range ipTime.FindAllIndex(f.text, -1) {
		if !isWord(f.before(m[0])) && !isWord(f.after(m[1])) && f.add(IPPortTime, m[0], m[1]) {
			f.take(m[0], m[1])
		}
	}
	for _, m := range ipAlone.FindAllIndex(f.text, -1) {
		f.take(m[0], m[1])
	}
}

// handles finds payment handles and e-mail addresses. In a link they count after = and :, as in upi://pay?pa=name@psp.
func (f *finder) handles() {
	for _, m := range atPattern.FindAllIndex(f.text, -1) {
		start, end := m[0], m[1]
		for start < end && strings.IndexByte("._%+-", f.text[start]) >= 0 {
			start++
		}
		end = start + len(bytes.TrimRight(f.text[start:end], ".-"))
		before, after := f.before(start), f.after(end)
		if before == '@' || before > 0x7f || after == '@' || after == '_' || f.taken[start] && before != '=' && before != ':' {
			continue
		}
		at := bytes.IndexAny(f.text[start:end], "@")
		if at < 0 {
			at = bytes.Index(f.text[start:end], []byte("%40"))
		}
		if at <= 0 {
			continue
		}
		if f.add(PaymentHandle, start, end) {
			if p, err := ParsePhone(string(f.text[start:start+at]), f.region); err == nil && f.region != "" {
				f.keep(p, start, start+at)
			}
			f.take(start, end)
		} else if f.add(Email, start, end) {
			f.take(start, end)
		}
	}
}

func (f *finder) wallets() {
	for _, m := range coinPattern.FindAllIndex(f.text, -1) {
		if !isWord(f.before(m[0])) && !isWord(f.after(m[1])) && f.add(Wallet, m[0], m[1]) {
			f.take(m[0], m[1])
		}
	}
}

// phones joins up to six groups of digits, as many as make a number, and begins again behind it.
func (f *finder) phones() {
	groups := digits.FindAllIndex(f.text, -1)
	tries := 0
	for i := 0; i < len(groups); {
		start := f.phoneStart(groups[i][0])
		last := i
		count := groups[i][1] - groups[i][0]
		for last+1 < len(groups) && last-i < 5 && f.joined(groups[last][1], groups[last+1][0]) {
			last++
			count += groups[last][1] - groups[last][0]
		}
		next := i + 1
		for ; last >= i; last-- {
			end := groups[last][1]
			if count >= 7 && count <= 17 && f.alone(start, end) {
				if tries++; tries > maxPhones {
					return
				}
				if p, err := ParsePhone(string(f.text[start:end]), f.region); err == nil {
					f.keep(p, start, end)
					next = last + 1
					break
				}
			}
			count -= groups[last][1] - groups[last][0]
		}
		i = next
	}
}

// phoneStart takes the sign and the bracket before the first digits in.
func (f *finder) phoneStart(at int) int {
	if at > 0 && f.text[at-1] == '(' {
		at--
	}
	if at > 0 && f.text[at-1] == '+' {
		at--
	}
	return at
}

// joined tells whether what stands between two groups of digits may stand inside a phone number.
func (f *finder) joined(from, to int) bool {
	return to-from <= 3 && len(bytes.Trim(f.text[from:to], " ().-‐–—\t")) == 0
}

// alone tells whether text[start:end] is no part of a word, a link or an address.
func (f *finder) alone(start, end int) bool {
	for i := start; i < end; i++ {
		if f.taken[i] {
			return false
		}
	}
	before, after := f.before(start), f.after(end)
	return !isWord(before) && !isWord(after) && strings.IndexRune("@#/+$%", before) < 0 && strings.IndexRune("@/%", after) < 0
}

// before and after give the character beside a place, 0 at the ends.
func (f *finder) before(at int) rune {
	r, size := utf8.DecodeLastRune(f.text[:at])
	if size == 0 {
		return 0
	}
	return r
}

func (f *finder) after(at int) rune {
	r, size := utf8.DecodeRune(f.text[at:])
	if size == 0 {
		return 0
	}
	return r
}

// isWord tells whether r is a character of a Latin word or a number. Other scripts do not count: they may touch a
// number without being part of it.
func isWord(r rune) bool {
	return r == '_' || r < 0x250 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
