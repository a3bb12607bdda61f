"""Word lists of English for the rule-based tagger and the hashing embedder."""


def read_words(text: str) -> frozenset[str]:
    """The words of a text, split at white space."""
    return frozenset(text.split())


DETERMINERS = read_words("""
    a an the this that these those his her its their my your our some several many few both each every another one
    two three four five six seven eight nine ten
""")
PREPOSITIONS = read_words("""
    about above across after against along alongside amid among around as at atop before behind below beneath
    beside between beyond by down during for from in inside into near of off on onto out outside over past through
    to toward towards under underneath until up upon via with within without
""")
PLACE_PREPOSITIONS = read_words("""
    above across along alongside amid among around at atop behind below beneath beside between beyond by in inside
    near on outside over through under underneath within down
""")
CONJUNCTIONS = read_words("""
    and or but while as when where which who then so because with
""")
PRONOUNS = read_words("""
    he she it they them him we you i there himself herself itself themselves each other who
""")
AUXILIARIES = read_words("""
    is are was were be been being has have had do does did can will would may might seems
""")
SUBORDINATORS = read_words("while as when where")
SINGULARS = read_words("a an this that each every another one")
"""A noun after one of these is singular."""
FUNCTION_WORDS = (
    DETERMINERS
    | PREPOSITIONS
    | CONJUNCTIONS
    | PRONOUNS
    | AUXILIARIES
    | read_words("""
    not no very
""")
)

PLACE_NOUNS = read_words("""
    airport aisle alley aquarium arena attic backyard bakery balcony barn basement bathroom bay beach bedroom
    boulevard bridge building cabin cafe café canal canyon castle cathedral cave cellar cemetery church city
    classroom cliff clearing coast coastline corridor cottage countryside court courtyard crossing desert diner
    dock driveway farm field forest garage garden glacier glade grassland greenhouse grove gym hall hallway harbor
    harbour highway hill hillside hospital hotel house intersection island jungle kitchen laboratory lab lagoon
    lake lane lawn library lobby market marketplace marsh meadow mine monastery mountain mountainside museum ocean
    office orchard palace park path patio pier plain plateau platform playground plaza pond pool porch port
    promenade quarry quay racetrack railway ranch reef restaurant ridge rink river riverbank road roadside roof
    rooftop room ruins runway savanna school sea seabed seashore shop shore shrine sidewalk slope space square
    stable stadium stage stairs staircase station steppe stop store stove stream street studio suburb subway
    summit supermarket swamp temple terrace theater theatre town track trail treetops tundra tunnel university
    valley village vineyard volcano warehouse waterfall waterfront wetland wharf woodland woods workshop yard zoo
    alleyway banquet bazaar boardwalk bus train tram deck lot rainforest living-room poolside shoreline
    neighborhood dunes dune crater grass snow snowfield table counter wall floor background outdoors indoors
""")
NOT_PLACES = read_words("""
    background table wall floor snow grass counter bus train tram stop
""")
"""Places only when they are all that a caption gives."""

CLOTHES = read_words("""
    apron blazer blouse boots cap cape cloak coat costume dress glasses gloves gown hat headphones helmet hoodie jacket
    jeans kimono mask overalls pajamas raincoat robe scarf shirt shoes skirt suit sunglasses sweater swimsuit t-shirt
    tie trousers turban uniform veil vest wetsuit
""")

ATMOSPHERE_HEADS = read_words("""
    light lighting sunlight lamplight daylight moonlight firelight candlelight backlight starlight spotlight
    spotlights neon glow sky skies mood atmosphere ambience ambiance shot angle camera pan push-in pull-back zoom
    tilt close-up closeup time-lapse timelapse hyperlapse fog mist haze rain drizzle snowfall snowflakes sunset
    sunrise dusk dawn twilight dusk night noon midday morning evening afternoon style colors colours palette tones
    contrast sun storm thunderstorm lightning wind breeze clouds silhouette bokeh blur flare weather realism
    aesthetic sunshine shadows reflections vibe feeling serenity tranquility silence steam smoke dust sparks
    footage framing focus animation watercolor painting-style monochrome
""")
ATMOSPHERE_PHRASES = (
    "shallow depth of field",
    "black and white",
    "slow motion",
    "golden hour light",
    "golden hour",
    "blue hour",
    "aerial view",
    "bird's-eye view",
    "top-down view",
    "point of view",
    "long exposure",
    "stop motion",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "wide shot",
    "frozen in time",
    "still frame",
    "dimly lit",
    "warmly lit",
    "softly lit",
    "film grain",
)

PLURALS = read_words("people men women children they")
"""Plurals without an s."""

NOUNS_IN_ING = read_words("""
    anything everything something nothing thing building ceiling clothing crossing during evening morning king
    lightning lighting painting ring sling spring string swing wing wedding setting railing clearing framing
    feeling dressing flooring bedding sibling duckling pudding icing being ping-pong awning opening landing
    dwelling
""")

VERBS = read_words("""
    add aim appear approach arrange arrive assemble bake balance bark bask bathe beat bend bite blaze blend blink
    bloom blow board boil bounce bow brew brake browse brush bubble build burn burst buzz carry carve cast catch
    charge chase chat check cheer chew chop circle clap clean climb cling close coast collapse collect come comb
    cook crack crash crawl creep cross crouch crumble curl cut cycle dance dangle dart decorate descend dig dip
    dive dodge dominate drag draw drift drink drip drive drop drum dry dust eat emerge enjoy enter erupt examine
    exhale explode face fade fall feed fill fish fix flap flash flicker flip float flow flutter fly fold follow
    gallop gather gaze gesture give glance gleam glide glitter glow grab graze greet grill grin grind grip grow
    guard guide hammer hang head hide hike hit hold hop hover hug hum hunt hurry ice inhale inspect jog juggle
    jump kick kiss knead kneel knit laugh launch lay lead leak lean leap lick lie lift light linger listen load
    look loom lower march measure melt merge mix mop mow move nest nibble nod open orbit pace pack paddle paint
    pant pass pat pause peck pedal peek peel peer perch perform pick pile pin pitch plane plant play plow plunge
    point polish pop pose pounce pour pray press prowl pull pump push put race raise reach read receive reel rest
    ride ring rinse ripple rise roam roar roast roll rotate row rub rumble run rush sail salute sand sav saw scan
    scatter scoop scrape scratch scroll scrub sculpt scurry scuttle search season settle sew shake shape sharpen
    shave shell shift shine shoot shop shout shovel shuffle signal sing sink sip sit sizzle skate sketch ski skid
    skim skip slam sleep slice slide slip smash smell smile smoke snap sniff soak soar solve spar sparkle speak
    spike spill spin splash spray spread spring sprint sprinkle squeeze stack stalk stand stare start steal steam
    steer step stir stitch stop stretch stride strike stroke stroll strum study sunbathe surf swan swarm sway
    sweep swim swing swirl swoop take talk tap taste tattoo teach tear tend throw tie tilt toast toss touch tow
    tower train trace travel trim trot tug tumble turn twirl twist type uncover unfold unlace unload wade wag wait
    wake walk wander warm wash watch water wave weave weld whip whirl whisper whisk wipe work wrap wrestle write
    yawn
""")
