// What the page says, in English and in French.

const TEXTS = {
  en: {
    title: "A person who does not exist", heading: "Made on your own machine",
    lead: "This person does not exist. The network that draws them runs here, in your browser.",
    another: "Another", save: "Save as PNG", psi: "Distinctiveness (ψ)", seed: "Seed", label: "Class",
    make: "Make this face", reset: "Reset", about: "About the model",
    private: "No picture and no wish leaves your machine. Once loaded, the page works offline. The same seed gives the same face as in nobodies. Pictures carry a mark that says they are generated.",
    age: "Age", woman: "Man – woman", smile: "Smile", eyeglasses: "Glasses", beard: "Beard", yaw: "Turn the head",
    loading: (share) => `Loading the network: ${share} %`, preparing: "Preparing the network …", making: "Drawing …",
    made: (seed, seconds) => `Seed ${seed}, made in ${seconds} s.`, face: (seed) => `The face of seed ${seed}`,
    empty: "The face, once it is made", too_large: "The seed is too large: take 0 to 18446744073709551615.",
    failed: (why) => `That did not work: ${why}`, stopped: (why) => `This page could not start: ${why}`,
  },
  fr: {
    title: "Une personne qui n’existe pas", heading: "Fait sur votre propre machine",
    lead: "Cette personne n’existe pas. Le réseau qui la dessine tourne ici, dans votre navigateur.",
    another: "Une autre", save: "Enregistrer en PNG", psi: "Singularité (ψ)", seed: "Graine", label: "Classe",
    make: "Dessiner ce visage", reset: "Réinitialiser", about: "Au sujet du modèle (en anglais)",
    private: "Aucune image, aucun souhait ne quitte votre machine. Une fois chargée, la page fonctionne hors ligne. La même graine donne le même visage que dans nobodies. Les images portent une marque qui dit qu’elles sont générées.",
    age: "Âge", woman: "Homme – femme", smile: "Sourire", eyeglasses: "Lunettes", beard: "Barbe", yaw: "Tourner la tête",
    loading: (share) => `Chargement du réseau : ${share} %`, preparing: "Préparation du réseau…", making: "Dessin en cours…",
    made: (seed, seconds) => `Graine ${seed}, dessiné en ${seconds.replace(".", ",")} s.`, face: (seed) => `Le visage de la graine ${seed}`,
    empty: "Le visage, une fois dessiné", too_large: "La graine est trop grande : choisissez de 0 à 18446744073709551615.",
    failed: (why) => `Cela n’a pas marché : ${why}`, stopped: (why) => `Cette page n’a pas pu démarrer : ${why}`,
  },
};

const wanted = [new URLSearchParams(location.search).get("lang"), ...navigator.languages].map((each) => String(each).slice(0, 2));
export const language = wanted.find((each) => each in TEXTS) ?? "en";
export const texts = TEXTS[language];

/** Put the visitor's language into the page. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
}
