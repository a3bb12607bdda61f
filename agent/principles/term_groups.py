"""Words that stand for one another in the terms: who is harmed, with what, and who must never be shown so."""

from collections.abc import Mapping

GROUPS: Mapping[str, str] = {
    "person": """
        man woman men women person people guy guys lady ladies boy boys girl girls child children kid kids baby
        toddler teenager teenagers him her them himself herself someone somebody victim victims hostage hostages
        prisoner prisoners soldier soldiers civilian civilians crowd wife husband girlfriend boyfriend mother
        father son daughter neighbour neighbor actor actress model models couple student students policeman
        officer human humans dog dogs puppy puppies cat cats kitten kittens animal animals
    """,
    "minor": """
        child children kid kids toddler toddlers infant infants baby babies minor minors underage under-aged
        preteen preteens pre-teen teen teens teenager teenagers teenage schoolgirl schoolgirls schoolboy
        schoolboys pupil pupils kindergartner little_girl little_girls little_boy little_boys young_girl
        young_girls young_boy young_boys school_girl school_boy loli lolita shota tween tweens adolescent
        adolescents juvenile juveniles high-school_girl high-school_boy high_school_girl high_school_boy
        middle_school_girl middle_school_boy schoolchild schoolchildren
    """,
    "maybe_minor": "girl girls boy boys daughter daughters son sons",
    "people": """
        jews muslims christians hindus blacks gays lesbians homosexuals immigrants migrants refugees foreigners
        gypsies roma arabs asians africans mexicans black_people white_people asian_people gay_people
        trans_people jewish_people muslim_people brown_people disabled_people transgender_people queers
    """,
    "drug": "cocaine heroin meth methamphetamine crystal_meth fentanyl crack_cocaine lsd mdma ketamine opium",
    "weapon": """
        bomb bombs pipe_bomb nail_bomb dirty_bomb explosive explosives napalm thermite grenade grenades molotov
        molotov_cocktail gun guns silencer nerve_gas poison_gas chemical_weapon bioweapon detonator
    """,
    "named": """
        taylor_swift donald_trump joe_biden barack_obama michelle_obama hillary_clinton kamala_harris
        vladimir_putin angela_merkel emmanuel_macron boris_johnson keir_starmer rishi_sunak olaf_scholz
        friedrich_merz xi_jinping kim_jong_un narendra_modi volodymyr_zelensky benjamin_netanyahu
        recep_tayyip_erdogan pope_francis pope_leo king_charles queen_elizabeth prince_harry prince_william
        meghan_markle kate_middleton elon_musk bill_gates mark_zuckerberg jeff_bezos emma_watson
        scarlett_johansson kim_kardashian kanye_west beyonce rihanna ariana_grande billie_eilish selena_gomez
        justin_bieber lady_gaga jennifer_lawrence jennifer_aniston angelina_jolie brad_pitt tom_cruise tom_hanks
        leonardo_dicaprio will_smith gal_gadot margot_robbie zendaya greta_thunberg lionel_messi
        cristiano_ronaldo lebron_james serena_williams albert_einstein trump biden obama putin merkel macron
        the_us_president the_american_president the_president_of_the_united_states the_prime_minister celebrity
        celebrities famous_actress famous_actor famous_singer my_ex my_ex-girlfriend my_ex-boyfriend my_ex-wife
        my_ex-husband my_neighbour my_neighbor my_classmate my_classmates my_colleague my_coworker my_teacher
        my_boss my_sister my_brother my_mother
    """,
}
"""In the language of `term_language`: `[person]` is any of `GROUPS["person"]`."""
