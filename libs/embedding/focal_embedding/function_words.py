"""Words that say little about a text's subject, and are therefore hashed with little weight.

Two kinds: the commonest grammar words of some languages, and words by which authors of conditions
describe the conversation itself ("the customer asks for…"), which no customer ever repeats.
Written as `words.split` folds them: lower case, no accents, apostrophes split. "Yes" and "no" are
missing on purpose: a transition often hangs on nothing else.
"""

_GRAMMAR = {
    "en": (
        "a about after all also am an and any are as at be because been before being but by "
        "can cannot could d did didn do does doesn doing don for from get got had has have he "
        "hello her here hers hey hi him his how i if in into is isn it its just like ll m me "
        "my not now of on only or our please re s she so some t than thank thanks that the "
        "their them then there these they this to too up us ve very was we were what when "
        "where which while who will with won would you your"
    ),
    "de": (
        "aber alle als also am an auch auf aus bei bin bis bitte da danke das dass dem den "
        "der des die dies diese diesen doch du ein eine einem einen einer eines er es etwas "
        "fur hab habe haben hallo hat hatte hier ich ihr ihre ihrem ihren im in ist kann "
        "konnen konnte man mein meine meinem meinen meiner mich mir mit mochte nach nicht "
        "noch nun nur ob oder schon sehr sein sich sie sind so uber um und uns unser von vor "
        "wann war warum was wegen weil welche wenn wer wie will wir wird wo wollen wurde zu "
        "zum zur"
    ),
    "es": (
        "a al algo aqui como con cual cuando de del desde donde e el ella en era es esa ese "
        "eso esta estan estas este esto estoy favor fue gracias ha hace han hasta hay he hola "
        "la las le les lo los mas me mi mis muy nos o para pero por porque que quien quiero "
        "quisiera se ser si sin sobre son su sus tambien te tengo tiene tu un una unas uno "
        "unos y ya yo"
    ),
    "fr": (
        "a ai ainsi alors au aux avec avez bonjour c ca car ce cela ces cette chez comme "
        "comment d dans de des du elle en est et etait ete etre eu fait il ils j je l la le "
        "les leur lui m ma mais me merci mes moi mon n ne nos notre nous on ont ou par pas "
        "plus pour pourquoi qu quand que quel quelle qui s sa salut sans se ses si son sont "
        "sur t te tu un une vais veut veux vos votre voudrais vous y"
    ),
    "it": (
        "al alla anche che chi ci ciao come con cosa da dal dalla dei del della delle di e "
        "gli grazie ha ho i il in io la le lo ma mi mia mio ne nel nella per perche piu posso "
        "quando questa questo se si sono su sua suo ti un una uno vi voglio vorrei"
    ),
    "pt": (
        "ao aos as com como da das de do dos ela ele em essa esse esta este eu foi ha isso ja "
        "mais mas me meu minha na nao nas no nos obrigada obrigado ola os ou para pela pelo "
        "por porque quando que queria quero se sem ser seu sua tem tenho um uma voce"
    ),
    "nl": (
        "aan als bij dan dat de dit door dus een en er ga heb heeft het hier hoe ik in is je "
        "jij kan maar met mij mijn naar niet nog nu of om onze ook op te tot u uit uw van "
        "voor waar wat we wel wie wij wil ze zijn zo"
    ),
}
_CONVERSATION = (
    "about agent ask asking asks bittet buyer caller chiede client clienta cliente complains "
    "conversation customer customers da demande dice dit diz donne fragt gibt give gives "
    "indique klant kunde kunden kundin menciona mention mentionne mentions message mochte "
    "names need needs nennt nutzer pede pergunta person pide pregunta provide provides quer "
    "quiere reports requests sagt said say says solicita souhaite states talk talks tell "
    "tells user users usuario vraagt vuole want wants wil wish wishes wonder wonders would "
    "wunscht zegt"
)

FUNCTION_WORDS = frozenset(word for text in _GRAMMAR.values() for word in text.split()) - {
    "no",
    "si",
}
CONVERSATION_WORDS = frozenset(_CONVERSATION.split())
