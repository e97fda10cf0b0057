"""Short texts, written for this project, that show what the product does before anybody has typed."""

from __future__ import annotations

from dataclasses import dataclass

from relex_core.types import Document


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and the name of the preset that fits it."""

    title: str
    preset: str
    text: str

    @property
    def document(self) -> Document:
        return Document.from_text(self.text, source=f"sample: {self.title}")


SAMPLES = (
    Sample(
        "Marie Curie",
        "people",
        "Marie Curie was born in Warsaw and married Pierre Curie in 1895. In 1903 the two received the Nobel Prize in "
        "Physics. Marie Curie worked for the University of Paris, where she was the first woman to teach.\n\n"
        "The Radium Institute, located in Paris, opened in 1914 with Marie Curie as its director. It is known today "
        "as the Curie Institute.",
    ),
    Sample(
        "A merger",
        "business",
        "Northwind Energy, headquartered in Oslo, has acquired the battery maker Voltaic for 410 million euros. "
        "Voltaic was founded in Grenoble by Claire Dubois, who stays on as its chief executive. Its best known "
        "product, the GridCell, stores power for small towns.\n\n"
        "Lars Hansen, chief executive of Northwind Energy, said that the GridCell would also be built in Norway.",
    ),
    Sample(
        "A drug trial",
        "biomedical",
        "Metformin treats type 2 diabetes and lowers blood sugar without causing weight gain. In the trial, imatinib "
        "caused nausea. Imatinib inhibits the BCR-ABL protein.\n\n"
        "Mutations in the BRCA1 gene are associated with breast cancer, which is treated with tamoxifen among other "
        "drugs.",
    ),
    Sample(
        "An observatory",
        "science",
        "Vera Rubin worked at the Carnegie Institution in Washington and measured how galaxies rotate, with a "
        "spectrograph that Kent Ford had developed. What they saw was the strongest early evidence for dark matter.\n\n"
        "Fritz Zwicky, of the California Institute of Technology, had proposed dark matter in 1933. Astrophysics took "
        "forty years to follow.",
    ),
    Sample(
        "A summit",
        "news",
        "Foreign ministers from nine countries met in Nairobi on Tuesday for the Climate Finance Summit. Amina "
        "Yusuf, who leads the African Development Forum, asked Germany and Japan to double their pledges. The "
        "forum, based in Abidjan, took part in the talks for the first time. A second round is planned in Lagos.",
    ),
)
