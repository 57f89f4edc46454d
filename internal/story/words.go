package story

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The words that people, handles and texts are invented from. All are neutral on purpose.
var (
	adjectives = strings.Fields("quiet amber silver little northern gentle paper wooden early distant copper misty hollow" +
		" painted spare folded narrow plain seventh borrowed")
	nouns = strings.Fields("kite river basket lantern meadow pebble harbour bridge ladder teacup sparrow orchard monsoon" +
		" thimble banyan compass ribbon window saffron anchor marble willow tulip canal")
	places   = strings.Fields("Delhi Pune Jaipur Lucknow Bhopal Nagpur Kochi Indore Mysuru Patna Surat Rohtak")
	regions  = strings.Fields("Delhi Maharashtra Rajasthan Uttar_Pradesh Madhya_Pradesh Maharashtra Kerala Madhya_Pradesh Karnataka Bihar Gujarat Haryana")
	given    = strings.Fields("Asha Ravi Meena Sunil Kavita Arjun Leela Mohan Nisha Vijay Rekha Imran Farah Joseph Anita Gopal Tara Kiran")
	families = strings.Fields("Sharma Rao Nair Khan Joshi Das Patel Reddy Iyer Bose Verma Menon Kulkarni Pillai Sen Thomas")
	mail     = []string{"mail.example", "post.example", "letters.example", "example.com", "example.net"}
	pays     = []string{"okpay", "zippay", "metropay"}
)

// commonName is borne by several people: a name alone is no proof.
const commonName = "Sunil Kumar"

func personName(rng *rand.Rand) string { return pick(rng, given) + " " + pick(rng, families) }

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// ordinaryText is what people write about nothing in particular.
func ordinaryText(rng *rand.Rand) (text, language string) {
	if chance(rng, 15) {
		return pick(rng, []string{
			"आज नदी के पास पतंग उड़ाई।", "टोकरी बुनने का काम पूरा हुआ।", "खिड़की से पुल दिखता है, सुबह सुंदर थी।",
			"बाज़ार में नए दीये आए हैं।", "बारिश के बाद बगीचा हरा हो गया।",
		}), "hi"
	}
	n, m := pick(rng, nouns), pick(rng, nouns)
	return fmt.Sprintf(pick(rng, []string{
		"Walked past the %[1]s today, the %[2]s was still there.",
		"Anybody in %[3]s who can mend a %[4]s %[1]s?",
		"Finished the %[4]s %[1]s at last. The %[2]s comes next.",
		"The %[1]s market in %[3]s opens at nine.",
		"Rain all day; the %[1]s stays inside.",
		"My grandmother kept a %[4]s %[1]s beside the %[2]s.",
		"Three %[1]s pictures from the weekend.",
		"Thanks to everybody who came to the %[1]s evening in %[3]s!",
		"Learning to draw a %[1]s. It looks like a %[2]s.",
		"Good morning %[3]s 🌧",
	}), n, m, pick(rng, places), pick(rng, adjectives)), "en"
}

// offerText is how an account that sells access writes: neutral words and a selector.
func offerText(rng *rand.Rand, selector string) string {
	return fmt.Sprintf(pick(rng, []string{
		"New %[1]s for members. %[2]s",
		"The whole %[1]s is open tonight, entry through %[2]s",
		"Old members get the %[1]s first. Ask at %[2]s.",
		"%[1]s list updated. Same way as always: %[2]s",
		"Only serious people. Fee to %[2]s, then you get the %[1]s.",
	}), title(pick(rng, nouns)), selector)
}

// shopText is an ordinary shop's advertisement, with a payment handle that proves nothing.
func shopText(rng *rand.Rand, handle string) string {
	return fmt.Sprintf(pick(rng, []string{
		"Hand-made %[1]s, 250 each, pay to %[2]s and send your address.",
		"Bought a %[1]s at the fair, paid %[2]s, very happy with it.",
		"Our %[1]s stall takes %[2]s from today.",
	}), pick(rng, nouns), handle)
}

func ordinaryBio(rng *rand.Rand) string {
	return pick(rng, []string{
		"", "", fmt.Sprintf("%s and %s.", title(pick(rng, nouns)), pick(rng, nouns)),
		pick(rng, places) + ". Opinions are the " + pick(rng, nouns) + "'s.",
		"Collects every " + pick(rng, adjectives) + " " + pick(rng, nouns) + ".",
	})
}
