package console

import "raksha.example/raksha/internal/intake"

// said are the words of the pages for everybody in one language.
type said struct {
	code, other, otherName                                       string
	unreviewed                                                   string // that no person has looked at the translation; empty: not needed
	title, intro, anonymous, noMedia                             string
	addresses, addressesHelp, understood, notUnderstood, account string
	post, what, whatHelp, when, whenHelp, about, choose          string
	danger, dangerNow, ring, contact, contactHelp, trap          string
	send, working, noScript                                      string
	received, keep, number, secret, heldNote, takenNote          string
	statusLink, reportLink, statusTitle, statusIntro, ask        string
	stands, receivedOn, footer, demonstration, skip              string
	classes                                                      []choiceOf
	states, failures                                             map[string]string
	otherFailure                                                 string
}

type choiceOf struct{ value, label string }

func (s said) failure(code string) string {
	if w, ok := s.failures[code]; ok {
		return w
	}
	return s.otherFailure
}

// state says how a form, or a tip of it, stands. Of what is done with a tip it says no more than a reporter may know.
func (s said) state(key string) string {
	switch key {
	case "held", "discarded", "received", "insufficient", "closed":
		return s.states[key]
	case "linked", "referred":
		return s.states["passed"]
	}
	return s.states["looked"]
}

var english = said{code: "en", other: "hi", otherName: "हिन्दी",
	title:     "Report the sexual exploitation of a child online",
	intro:     "Tell us where you saw it. Trained people look at every report.",
	anonymous: "You need not say who you are.",
	noMedia:   "Please send no pictures or videos, and do not copy or pass them on: the address is enough.",
	addresses: "Where is it? One address a line", addressesHelp: "Copy the address (link) of the account or post. Or write the platform and the name, such as “Instagram: name”. At most 20.",
	understood: "Understood as", notUnderstood: "Not understood. It is kept as you wrote it.", account: "account", post: "post",
	what: "What happened?", whatHelp: "In your own words, in any language. At most 5,000 characters.", when: "When?", whenHelp: "A day, or in words.",
	about: "What is it about?", choose: "Choose one",
	danger: "A child is in danger now", dangerNow: "Is a child in danger now?", ring: "Ring at once. This form is not answered at once.",
	contact: "How can we reach you? You may leave this empty", contactHelp: "A phone number or an e-mail address. It is used for questions about this report alone.",
	trap: "Leave this field empty", send: "Send the report", working: "One moment: your device does a small piece of work that keeps programs away…",
	noScript: "This browser runs no scripts. You can send the report all the same: a person looks at it first, so it takes longer.",
	received: "Your report was received", keep: "Keep this number and this code. With both you can see later how your report stands. The code is shown this once only.",
	number: "Number", secret: "Code", heldNote: "It waits for a person to let it in, because it came without your device’s piece of work.", takenNote: "It was entered and waits for a trained person.",
	statusLink: "How a report stands", reportLink: "Make a report", statusTitle: "How does a report stand?", statusIntro: "Write the number and the code that you were given.", ask: "Show",
	stands: "This report", receivedOn: "received on", footer: "This page runs nothing from other places, sets no cookies and does not keep your network address with the report.",
	demonstration: "Demonstration: the clock stands at", skip: "Skip to the content",
	classes: []choiceOf{{intake.ClassMedia, "Pictures or videos of the abuse of a child (CSEAM)"}, {intake.ClassEnticement, "Somebody tries to win a child over, to meet it or to get something from it"},
		{intake.ClassContact, "A child was abused by somebody it met"}, {intake.ClassAdult, "Sexual violence against an adult"}, {intake.ClassOther, "Something else"}},
	states: map[string]string{"held": "It waits for a person to let it in.", "discarded": "A person looked at it and could make nothing of it. You may report again.",
		"received": "It waits for a trained person.", "looked": "A trained person has looked at it.", "passed": "It is with those who can act on it.",
		"insufficient": "A trained person looked at it; there was too little to act on. You may report again with more.", "closed": "The work on it is done."},
	failures: map[string]string{"form_empty": "Give an address, or say what happened.", "form_class": "Choose what it is about.", "form_addresses": "These are more than 20 addresses. Send the rest in another report.",
		"form_long": "A field is too long. Shorten it and send it again.", "form_text": "This could not be read. It takes text alone, in UTF-8, and no files.",
		"form_often": "Too many come from your network at once. Try again later. If a child is in danger, ring the numbers above.", "form_full": "Too many reports wait just now. Try again later, or with a browser that runs scripts.",
		"form_unknown": "No report has this number and this code. Look at both once more.", "proof_old": "The page had become too old. Nothing is lost: press the button once more.",
		"proof_wrong": "Your device’s piece of work did not fit. Nothing is lost: press the button once more.",
		"proof_used":  "This very form was sent before. If you have a number and a code, it was taken. Otherwise press the button once more.", "proof_full": "Too many reports come in at once. Try again in a while."},
	otherFailure: "The report could not be taken. Try again in a while. If a child is in danger, ring the numbers above.",
}

var hindi = said{code: "hi", other: "en", otherName: "English",
	unreviewed: "यह हिन्दी पाठ मशीन ने लिखा है; किसी व्यक्ति ने अभी इसकी जाँच नहीं की है। (This Hindi text was written by a machine and has not been reviewed.)",
	title:      "ऑनलाइन बच्चे के यौन शोषण की सूचना दें",
	intro:      "बताइए कि आपने यह कहाँ देखा। हर सूचना प्रशिक्षित लोग देखते हैं।",
	anonymous:  "आपको अपना नाम बताना ज़रूरी नहीं है।",
	noMedia:    "कृपया कोई तस्वीर या वीडियो न भेजें, और उसे न कॉपी करें न आगे भेजें: पता ही काफ़ी है।",
	addresses:  "यह कहाँ है? हर पंक्ति में एक पता", addressesHelp: "खाते या पोस्ट का पता (लिंक) कॉपी करें। या प्लेटफ़ॉर्म और नाम लिखें, जैसे “Instagram: नाम”। अधिक से अधिक 20।",
	understood: "ऐसे समझा गया", notUnderstood: "समझ में नहीं आया। इसे वैसे ही रखा जाएगा जैसे आपने लिखा।", account: "खाता", post: "पोस्ट",
	what: "क्या हुआ?", whatHelp: "अपने शब्दों में, किसी भी भाषा में। अधिक से अधिक 5,000 अक्षर।", when: "कब?", whenHelp: "तारीख़, या शब्दों में।",
	about: "यह किस बारे में है?", choose: "एक चुनें",
	danger: "एक बच्चा इस समय ख़तरे में है", dangerNow: "क्या कोई बच्चा इस समय ख़तरे में है?", ring: "तुरंत फ़ोन करें। इस फ़ॉर्म का उत्तर तुरंत नहीं मिलता।",
	contact: "हम आपसे कैसे संपर्क करें? इसे ख़ाली छोड़ सकते हैं", contactHelp: "फ़ोन नंबर या ई-मेल पता। इसका उपयोग केवल इस सूचना के बारे में पूछने के लिए होगा।",
	trap: "यह जगह ख़ाली छोड़ें", send: "सूचना भेजें", working: "एक क्षण: आपका उपकरण एक छोटा-सा काम कर रहा है जो प्रोग्रामों को दूर रखता है…",
	noScript: "यह ब्राउज़र स्क्रिप्ट नहीं चलाता। आप फिर भी सूचना भेज सकते हैं: पहले एक व्यक्ति उसे देखता है, इसलिए अधिक समय लगता है।",
	received: "आपकी सूचना मिल गई", keep: "यह संख्या और यह कोड सँभालकर रखें। दोनों से आप बाद में देख सकते हैं कि आपकी सूचना का क्या हुआ। कोड केवल इसी बार दिखाया जाता है।",
	number: "संख्या", secret: "कोड", heldNote: "यह एक व्यक्ति की प्रतीक्षा में है, क्योंकि यह आपके उपकरण के काम के बिना आई।", takenNote: "यह दर्ज हो गई है और एक प्रशिक्षित व्यक्ति की प्रतीक्षा में है।",
	statusLink: "सूचना की स्थिति", reportLink: "सूचना दें", statusTitle: "सूचना की स्थिति क्या है?", statusIntro: "जो संख्या और कोड आपको मिले थे, उन्हें लिखें।", ask: "दिखाएँ",
	stands: "यह सूचना", receivedOn: "मिली", footer: "यह पृष्ठ दूसरी जगहों से कुछ नहीं चलाता, कुकी नहीं रखता, और सूचना के साथ आपका नेटवर्क पता नहीं रखता।",
	demonstration: "प्रदर्शन: घड़ी का समय है", skip: "सामग्री पर जाएँ",
	classes: []choiceOf{{intake.ClassMedia, "बच्चे के शोषण की तस्वीरें या वीडियो (CSEAM)"}, {intake.ClassEnticement, "कोई बच्चे को फुसला रहा है, मिलने या कुछ पाने के लिए"},
		{intake.ClassContact, "किसी मिलने वाले ने बच्चे का शोषण किया"}, {intake.ClassAdult, "किसी वयस्क के साथ यौन हिंसा"}, {intake.ClassOther, "कुछ और"}},
	states: map[string]string{"held": "यह एक व्यक्ति की प्रतीक्षा में है।", "discarded": "एक व्यक्ति ने इसे देखा और इससे कुछ नहीं किया जा सका। आप फिर से सूचना दे सकते हैं।",
		"received": "यह एक प्रशिक्षित व्यक्ति की प्रतीक्षा में है।", "looked": "एक प्रशिक्षित व्यक्ति ने इसे देख लिया है।", "passed": "यह उनके पास है जो कार्रवाई कर सकते हैं।",
		"insufficient": "एक प्रशिक्षित व्यक्ति ने इसे देखा; कार्रवाई के लिए जानकारी बहुत कम थी। आप और जानकारी के साथ फिर से सूचना दे सकते हैं।", "closed": "इस पर काम पूरा हो गया है।"},
	failures: map[string]string{"form_empty": "कोई पता दें, या बताएँ कि क्या हुआ।", "form_class": "चुनें कि यह किस बारे में है।", "form_addresses": "ये 20 से अधिक पते हैं। बाक़ी दूसरी सूचना में भेजें।",
		"form_long": "कोई जगह बहुत लंबी है। छोटा करके फिर भेजें।", "form_text": "इसे पढ़ा नहीं जा सका। केवल UTF-8 में लिखा पाठ लिया जाता है, फ़ाइलें नहीं।",
		"form_often": "आपके नेटवर्क से एक साथ बहुत अधिक आ रहे हैं। बाद में फिर कोशिश करें। यदि बच्चा ख़तरे में है तो ऊपर के नंबरों पर फ़ोन करें।", "form_full": "इस समय बहुत सूचनाएँ प्रतीक्षा में हैं। बाद में, या स्क्रिप्ट चलाने वाले ब्राउज़र से फिर कोशिश करें।",
		"form_unknown": "इस संख्या और इस कोड की कोई सूचना नहीं है। दोनों को एक बार फिर देखें।", "proof_old": "पृष्ठ बहुत पुराना हो गया था। कुछ खोया नहीं है: बटन एक बार फिर दबाएँ।",
		"proof_wrong": "आपके उपकरण का काम मेल नहीं खाया। कुछ खोया नहीं है: बटन एक बार फिर दबाएँ।",
		"proof_used":  "यही फ़ॉर्म पहले भेजा जा चुका है। यदि आपके पास संख्या और कोड हैं तो वह ले लिया गया है। नहीं तो बटन एक बार फिर दबाएँ।", "proof_full": "एक साथ बहुत सूचनाएँ आ रही हैं। थोड़ी देर बाद कोशिश करें।"},
	otherFailure: "सूचना नहीं ली जा सकी। थोड़ी देर बाद फिर कोशिश करें। यदि बच्चा ख़तरे में है तो ऊपर के नंबरों पर फ़ोन करें।",
}
