"""The terms by which a text is called unsafe, in the language of `term_language`: lists to be read and to be added to.

They were written for this project. What they mean to stop is shown nudity and sex, anything sexual with a minor, shown
cruelty, self-harm, hatred of groups, instructions for crimes, and real persons degraded. A fight, a soldier, a zombie,
a kiss and a statue pass.
"""

# ruff: noqa: E501 - one term, one line

from codecs import decode
from typing import Literal, NamedTuple

Category = Literal["sexual", "minors", "gore", "self_harm", "hate", "illegal", "real_person"]


class TermList(NamedTuple):
    """Terms of one category, and why they are listed."""

    category: Category
    why: str
    terms: str


HARMS: tuple[TermList, ...] = (
    TermList(
        "sexual",
        "nudity",
        """
        fully|completely|totally|stark|half|partially naked|nude|unclothed|undressed =>
        naked|nude|nudes|nudity|unclothed|topless|bottomless|disrobed =>
        in_the_nude|in_the_buff =>
        full frontal nudity? =>
        without any? clothes|clothing => dressed
        no clothes on =>
        wearing nothing => wearing a robe
        undress+|disrobe+ completely|fully? => pose+
        take+|strip+|rip+|tear+ off? all? her|his|their|the clothes|clothing|bra|bras|panties|underwear => pose+
        bare|exposed|naked|nude|uncovered breasts|boobs|buttocks|butt|genitals|nipples|bottom =>
        boobs|tits|nipples|genitals|genitalia|penis|vagina =>
        expose+|show+|flash+|reveal+ her|his|their breasts|genitals|private_parts|privates => wave+
        striptease|lap_dance => dance
        strip club|clubs => dance club
        nudist|nudists|naturist|naturists beach|camp|resort|colony? =>
        skinny dip+|dipping => swim
        without a? bra|top|pants|panties|underwear =>
        bare-chested|barechested woman|women|girl|girls|lady => woman
        stripper => dancer
        strippers => dancers
    """,
    ),
    TermList(
        "sexual",
        "sexual content",
        """
        have+ sex|intercourse|sexual_intercourse with? => embrace+
        make+ love to|with? => embrace+
        {sex|sexual} scene|scenes|act|acts|pose|poses|position|positions|tape|video|situation =>
        sex|sexual_intercourse|intercourse|foreplay|coitus =>
        {porn|porno|pornographic|hentai|xxx|nsfw|x-rated} film|movie|video|clip|scene|star|picture|pictures|content|actor|actress =>
        porn|porno|pornographic|pornography|hentai|xxx|nsfw|x-rated|smut => film
        uncensored =>
        {adult} film|movie|video|content|entertainment|actor|actress =>
        erotic|erotica|orgasm|orgasms|orgasmic|fetish|bdsm|horny|lewd =>
        orgy|orgies|threesome|gangbang => party
        masturbate+|blowjob|handjob|cunnilingus|fellatio =>
        sexually explicit|arousing|graphic|charged =>
        touch+ herself|himself|themselves => rest+
        self-pleasure|pleasuring_herself|pleasuring_himself =>
        grope+|fondle+ => greet+
        lick+|suck+ .. {breasts|breast|nipples|genitals|crotch} => face
    """,
    ),
    TermList(
        "gore",
        "sexual violence",
        """
        rape+|molest+ =>
        rape|rapist|rapists|sexual_assault|sexually_assaulted =>
    """,
    ),
    TermList(
        "gore",
        "killing or torture that is shown",
        """
        {stab+|slash+|knifed|knifing|butchered|butchering|behead+|decapitate+|disembowel+|dismember+|mutilate+|torture+|lynch+|strangle+} .. [person] => confront+
        {murder+|slaughter+|execute+|massacre+|kill+} a|the|an|his|her|two|three|some|every? old|young|innocent|poor? [person] => confront+
        [person] {is|are|was|were|being|gets|get? being? stabbed|beheaded|decapitated|disembowelled|disemboweled|dismembered|mutilated|tortured|lynched|strangled|murdered|slaughtered|executed} to_death? =>
        {beheaded|decapitated|disembowelled|disemboweled|dismembered|mutilated|tortured|impaled} [person] => frightened
        decapitated|severed|dismembered|mutilated|chopped-off|mangled head|heads|limb|limbs|arm|arms|leg|legs|hand|hands|finger|fingers => debris
        decapitated|dismembered|mutilated|mangled|bloody|rotting|bloated body|bodies|corpse|corpses => shadow
        beheading|beheadings|decapitation|dismemberment|disembowelment|mutilation|bloodbath|torture_scene =>
        {beat+|kick+|stone+|whip+|burn+} .. to_death|alive => threaten+
        beat+|stab+|slash+|hack+|kick+|stone+|whip+|burn+|strangle+ .. {to_death|alive} =>
        skinned|flayed|buried|eaten|burned|boiled alive =>
        {eat+|devour+|skin+|flay+|burn+ a|an|the|his|her|him|them man|woman|person|people|victim|child|soldier? alive} => threaten+
        skinned|flayed|buried|eaten|burned|boiled alive =>
        cut+|chop+|saw+|hack+|rip+|tear+|slice+ off|out her|his|their own? finger|fingers|limbs|tongue|ear|ears|head|arm|arms|leg|legs|hand|hands|eye|eyes|heart => threaten+
        pull+|tear+|rip+ out|off the? {nails|fingernails|teeth|eyes} of .. [person] => hair
        {cut+|saw+|slice+|chop+|rip+|tear+} a|the [person] in_half|in_two|into_pieces|to_pieces|apart => confront+
        cut+|saw+|slice+|chop+|rip+|tear+ a|the [person] {in_half|in_two|into_pieces|to_pieces|apart} =>
        face|head|skull|skulls is|are|being? {smashed|crushed|bashed|caved_in to_a|into_a bloody? pulp|mush?} => hidden
        {head|heads|skull explode+} =>
        bloody pulp|stump|stumps|mess => mud
        {slit+|cut+ a|an|the|his|her|their throat|throats} => touch+ the shoulder
        shoot+|shot .. {in_the head|face|chest|heart} =>
        shoot+ {dead} =>
        bloody|brutal|gruesome massacre|murder|slaughter|killing|execution|death => commotion
    """,
    ),
    TermList(
        "gore",
        "gore",
        """
        gore|gory|gruesome|viscera|entrails|blood-soaked|blood-drenched|blood_soaked|blood_drenched =>
        {guts|intestines|organs|bowels} spill+|hang+|splatter+|fall+|pour+|everywhere|out|scattered => gear
        {brains} spill+|splatter+|everywhere|out|on|on_the => dust
        spill+|splatter+ {guts|intestines|brains|organs} => dust
        blood gush+|spurt+|spray+|splatter+|pour+|splash+|squirt+ from|over|out|everywhere|across|onto|on? his|her|their|the|a? neck|throat|wound|wounds|head|wall|walls|mouth|eyes? =>
        pool|pools|puddle|river|rivers of blood => shadow
        bodies everywhere|piled =>
        covered|drenched|soaked|bathed in his|her|their? blood =>
        blood everywhere =>
        bleed+ out|profusely|to_death => rest+
        gaping|open|festering wound|wounds =>
        human|ritual sacrifice|sacrifices =>
        impale+ =>
    """,
    ),
    TermList(
        "self_harm",
        "self-harm",
        """
        commit+ suicide .. jumping_off|by_jumping? => pause+ in thought
        suicide|suicidal =>
        self harm|mutilation|injury|harming =>
        {cut+|slit+|slash+|slice+ her|his|their|my own? wrists|wrist|arms|arm|veins} => rest+
        {hang+|shoot+|kill+|drown+|poison+|stab+ himself|herself|themselves|themself|yourself|myself in_the_head?} => pause+
        {set+|light+ himself|herself|themselves on fire} => pause+
        {take+ an overdose of? pills|sleeping_pills|drugs|medicine|tablets? to_die|to_end_her_life|to_end_his_life|to_end_it_all?} => rest+
        overdose+ on|of pills|drugs|sleeping_pills|medicine|tablets => rest+
        end+ her|his|their|my|your own? life|lives => rest+
        {hang+ from_a noose} => stand+ still
        noose around her|his|their|a neck =>
        drink+ {bleach|poison} => water
        {burn+|whip+ himself|herself|themselves} with => rest+
        {harm+|starve+|mutilate+ himself|herself|themselves|myself} => rest+
        {swallow+|take+ .. pills|tablets to die|end_it|sleep_forever} => rest+
        {jump+|leap+|step+|walk+ in_front_of a|the|an train|tram|truck|bus|subway to_die|to_end_it_all|to_end_it?} => wait+ for a train
        {put+|hold+|press+ a|the|his|her gun|pistol|revolver in|into|to|against his|her own? mouth|head|temple|chin} => rest+
        {jump+|leap+ off|from a|the bridge|roof|building|cliff to die|end_it} => pause+
    """,
    ),
    TermList(
        "self_harm",
        "how to harm oneself",
        """
        how to kill|hang|harm|hurt|cut|starve|poison|drown yourself|myself|oneself
        ways|way|best to|of|way kill|killing|end|ending yourself|oneself|myself|your_life
    """,
    ),
    TermList(
        "hate",
        "hatred of a group",
        """
        kill+|gas+|exterminate+|lynch+|hang+|burn+|deport+|shoot+|eradicate+|murder+ all? of? the? [people]
        [people] are|as|like all? the? vermin|subhuman|animals|apes|monkeys|rats|cockroaches|parasites|inferior|pigs|filth|disease|savages
        [people] shown|drawn|depicted|portrayed as the? vermin|apes|monkeys|rats|animals|cockroaches|pigs
        death to all? the? [people]
        death to all? the? jews|muslims|gays
        i|we hate all? [people]
        [people] should|must be all? killed|exterminated|deported|gassed|hanged|shot|eradicated
        holocaust never_happened|hoax|denial|lie
        racist|antisemitic|anti-semitic|homophobic|islamophobic caricature|cartoon|propaganda|joke|jokes|slogan|slogans|chant|chants|song|slur|slurs
        inferior|superior race|races
        great replacement
        aryan race|nation|blood|supremacy|brotherhood
        hitler .. hero|saint|messiah|right|great|nothing_wrong
        glorify+|praise+|celebrate+ hitler|nazis|nazism|isis|genocide|the_holocaust|lynching|slavery
        klansman|klansmen|klan|kkk .. cross|torches
        greedy jew|jews
        jew|jews with_a|with big|hooked|long|huge nose|noses
    """,
    ),
    TermList(
        "hate",
        "the creed of a hate movement",
        """
        heil hitler
        hitler|nazi salute|salutes => wave
        nazi|klan|kkk|isis|white_supremacist propaganda|rally|rallies|recruitment|march|anthem|poster|video
        master race
        race war
        white power|supremacy|supremacist
        ethnic cleansing
        racial purity|superiority|hygiene
        {blackface} =>
    """,
    ),
    TermList(
        "illegal",
        "instructions for a crime",
        """
        how|instructions|tutorial|guide|recipe|lesson|manual|teach|learn|show|explain|explains|steps|step_by_step .. make|making|build|building|construct|assemble|assembling|cook|cooking|synthesize|synthesise|produce|grow .. [weapon]
        how|instructions|tutorial|guide|recipe|lesson|manual|teach|learn|show|explain|explains|steps|step_by_step .. make|making|build|cook|cooking|synthesize|produce|sell|smuggle .. [drug]
        how|instructions|tutorial|guide|teach|learn|explain|steps .. hack|hacking|counterfeit|counterfeiting|forge|launder|shoplift|poison|steal|stealing|rob|kidnap .. account|accounts|bank|money|passport|passports|shop|store|someone|car|cars|phone|password|passwords|person|people
        cook+|brew+ crystal? meth
        homemade|home-made|diy [weapon]
        turn|convert .. rifle|pistol|gun into|to an|a machine_gun|automatic|full_auto
        pick .. lock .. rob|steal|burgle|break_in
        steal|stealing|skim|clone|cloning .. credit_card|identity|identities
        phishing email|emails|site|page|kit
    """,
    ),
    TermList(
        "illegal",
        "hard drugs taken or sold",
        """
        {snort+|inject+|smoke+|shoot+_up|sell+|deal+|buy+ .. [drug] into_her_arm|into_his_arm|into_the_arm|into_a_vein?} => rest+
        {lines|line of [drug]} =>
        smoke+ crack|crack_pipe => rest+
        crack pipe|den =>
        {[drug] .. snorted|injected|smoked|for_sale} =>
    """,
    ),
    TermList(
        "illegal",
        "terror and mass violence",
        """
        school|mass|church|synagogue|mosque shooting|shootings|shooter
        shoot+|gun+_down|open+_fire_on|fire+_at .. children|kids|students|pupils|teachers|classmates in|at a|the|his|her school
        open+ fire on|at|into a|the crowd|crowds|people|worshippers|shoppers
        blow+ himself|herself|themselves up
        terrorist|terror attack|attacks|bombing|recruitment|propaganda
        suicide bomber|bombers|bombing|vest
        human|child|sex|organ trafficking|trafficker|traffickers
        trafficking|trafficked women|children|girls|people|humans
    """,
    ),
)
"""What is unsafe by itself, the graver list of two that say the same last."""

SUGGESTIVE = """
    sexy|sexual|sexually|sexualised|sexualized|seductive|seductively|sensual|sensually|provocative|provocatively|aroused|hot_body
    strip+ off|down|naked
    lingerie|panties|thong|g-string|twerk+|undress+|striptease|moan+|fondle+|grope+
"""
"""Unsafe beside a minor only."""

DEGRADING = TermList(
    "real_person",
    "a real person degraded",
    """
    humiliated|degraded by => greeted by
    humiliate+|humiliation|degrade+ =>
    {crawl+ like_a? dog|pig|baby?} => walk+
    on_a|a leash =>
    {lick+|kiss+ .. boots|boot|feet|shoes on_his_knees|on_her_knees|of_a_man|of_a_soldier?} => kneel+
    in_a|wearing_a diaper|nappy => in a coat
    beaten up by => greeted by
    {beaten by} a|the|an? police|policemen|officers|mob|crowd|men|soldiers|guards|thugs => greeted by
    beaten up =>
    orange jumpsuit => suit
    prison|jail cell => room
    drag+|dragged through|across the? mud|dirt|street => walk+ along
    spank+|vomit+|soiled|mugshot =>
    stripping => dancing
    strip+ off|down|naked => dance+
    {beat+ .. up} =>
    undress+|hidden_camera|upskirt =>
    deepfake|deepfakes|deep_fake porn|video|film|clip? => film
    covered_in feces|faeces|excrement|vomit|shit =>
    behind bars => at a desk
    in handcuffs|chains|jail|prison =>
""",
)
"""Unsafe beside a real person only."""

SLURS = tuple(
    decode(word, "rot13")
    for word in [
        "avttre",
        "avttref",
        "snttbg",
        "snttbgf",
        "xvxr",
        "xvxref",
        "jrgonpx",
        "jrgonpxf",
        "cnxv",
        "cnxvf",
        "tbbx",
        "tbbxf",
        "enturnq",
        "enturnqf",
        "genaal",
        "genaavrf",
    ]
)
"""In ROT13 above, so that nobody reads them by accident. Words that mean other things as well are left out."""
