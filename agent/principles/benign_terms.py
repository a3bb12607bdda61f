"""Harmless phrases that hold a harmful one, in the language of `term_language`: what they cover is not looked at."""

# ruff: noqa: E501 - one term, one line

BENIGN = """
    naked|nude mole|eye|eyes|flame|flames|light|truth|rat|rats|wire|wires|singularity|gun|cake|cakes|bulb|bulbs|blade
    naked oak|birch|beech|juniper|cherry|winter|black|tall|thin? tree|trees|branch|branches|twig|twigs|bush|hill|hills|rock|rocks|cliffs
    with|to the naked eye
    statue|statues|sculpture|bust|figure|figurine|painting|paintings|drawing|sketch of a|an|the? marble|bronze|stone? nude|naked|bare
    nude|naked|topless statue|statues|sculpture|sculptures|mannequin|mannequins|painting|paintings|figurine|marble|lipstick|colour|color|tones|tone|shade|shades|palette|heels|shoes|pumps|polish|lip|gloss
    draw+|paint+|sketch+|sculpt+ .. nude model
    nude model of|made? of? wood|clay|wire
    great|blue|coal|marsh|willow tit|tits
    sex education|pistols|chromosome|chromosomes|and_the_city
    girl|boy friend|friends
    same|opposite sex
    sex of the|a|their|her|his|your? baby|child|chick|chicks|fish|animal|plant
    topless bus|car|convertible|tower
    sexual harassment|abuse|violence|education|orientation awareness|prevention|campaign|poster?
    school shooting guard|hoops|range|club|star|stars
    white power cable|cables|cord|bank|button|line|lines|supply|tower|plant|adapter|strip|outlet
    dog|dogs|puppy|puppies|cat|pet|pets|horse on_a|the leash
    the fair|gentler? sex
    sexual selection|reproduction|dimorphism|health
    suicide prevention|squad|hotline|awareness
    anti suicide
    torture+ himself|herself|themselves
    kill+|killing time|switch|bill|zone
    magician|magicians|illusionist .. in_half|in_two
    touch+ himself|herself on_the head|nose|face|chin|cheek|forehead|shoulder
    end+ her|his|their life as
    hotline|help|prevention|campaign|poster against|for|about suicide
    photographer|photographers|cameraman|filmmaker .. school
    killer whale|whales|bee|bees|sudoku|heels
    stab+ at the|a|his|her? salad|steak|food|meat|potato|air|button|buttons
    shoot+ .. in_the face|chest|head with|by .. water|nerf|paintball|paint|confetti|foam|toy|snowball
    butcher+ .. meat|lamb|pork|beef|pig|chicken
    execute+ a|an|the? perfect|dive|jump|move|plan|dance
    blood orange|oranges|moon|cell|cells|sample|samples|pressure|vessel|vessels|test|tests|donation|donor|drive|type|bank
    bath|seed|cherry|cyclone|photo|time bomb|bombs
    bomb cyclone|glacee|disposal|squad|shelter|detector
    gory|gruesome halloween costume|makeup
    hang+ himself|herself|themselves a|an|the|up|out|his|her new|picture|painting|coat|clothes|washing|jacket|old? picture|painting|coat|clothes|washing|jacket|poster|shelf?
    photo|fashion|film|video|music school shooting
    shooting star|stars
    cut+ her|his|their own? hair|nails|fingernails|food|bread
    overdose+ of colour|color|cuteness|sugar|joy|fun|caffeine
    having sex|intercourse determined|changes
    chicken|turkey|duck breast|breasts
    strip+ paint|wallpaper|bark|the_paint|layers
    gas stove|station|mask|balloon|balloons
    terror bird|birds
    make+ love songs|letters|potion|potions|heart|hearts
"""
